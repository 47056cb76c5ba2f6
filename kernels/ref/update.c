/* Reference kernels: updates of parameters. See kernels/ref/wide.h. */
#include "kernels/ref/wide.h"
#include <math.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* y += alpha * x; alpha == 1 adds exactly once. */
KERNEL(axpy, FLOATS, (rt_exec *e, int64_t n, double alpha, const void *x, void *y))
{
    for (int64_t i = 0; i < n; i++)
        ((T *)y)[i] = (T)(((T *)y)[i] + (wide)(T)alpha * ((const T *)x)[i]);
}

/* y = alpha * x; y may be x. */
KERNEL(scale, FLOATS, (rt_exec *e, int64_t n, double alpha, const void *x, void *y))
{
    for (int64_t i = 0; i < n; i++)
        ((T *)y)[i] = (T)alpha * ((const T *)x)[i];
}

/* Optimisers on a range. p: parameters; g: gradient, read as s.grad_scale * g; buf: momentum, NULL if s.momentum is 0.
 *     g' = g + weight_decay * p;  buf = first ? g' : momentum * buf + (1 - dampening) * g';
 *     p -= lr * (nesterov ? g' + momentum * buf : buf)                                        (torch.optim.SGD) */
KERNEL(sgd, FLOATS, (rt_exec *e, int64_t n, rt_sgd_shape s, void *p, const void *g, void *buf))
{
    T *weight = p, *mean = buf;
    for (int64_t i = 0; i < n; i++) {
        wide gi = s.grad_scale * ((const T *)g)[i] + s.weight_decay * weight[i], d = gi;
        if (buf) {
            d = s.first ? gi : s.momentum * mean[i] + (1 - s.dampening) * gi;
            mean[i] = (T)d;
            if (s.nesterov)
                d = gi + s.momentum * d;
        }
        weight[i] = (T)(weight[i] - s.lr * d);
    }
}

/*     p *= 1 - lr * weight_decay;  m = b1 * m + (1-b1) * g;  v = b2 * v + (1-b2) * g^2;
 *     p -= lr / (1-b1^t) * m / (sqrt(v) / sqrt(1-b2^t) + eps)                                (torch.optim.AdamW) */
KERNEL(adamw, FLOATS, (rt_exec *e, int64_t n, rt_adamw_shape s, void *p, const void *g, void *m,
                       void *v))
{
    T *weight = p, *mean = m, *square = v;
    wide c1 = 1 - WIDE(pow)(s.beta1, (wide)s.step), c2 = 1 - WIDE(pow)(s.beta2, (wide)s.step);
    for (int64_t i = 0; i < n; i++) {
        wide gi = s.grad_scale * ((const T *)g)[i];
        wide mi = s.beta1 * mean[i] + (1 - s.beta1) * gi;
        wide vi = s.beta2 * square[i] + (1 - s.beta2) * gi * gi;
        mean[i] = (T)mi;
        square[i] = (T)vi;
        weight[i] = (T)(weight[i] * (1 - s.lr * s.weight_decay) -
                        s.lr / c1 * mi / (WIDE(sqrt)(vi) / WIDE(sqrt)(c2) + s.eps));
    }
}

/*     g' = g + weight_decay * p;  m = b1 * m + (1-b1) * g';  v = b2 * v + (1-b2) * g'^2;  most = max(most, v)
 *     d = m / (1-b1^t) / (sqrt(most) / sqrt(1-b2^t) + eps) + decay * p;  p -= lr * d                 (torch.optim.Adam)
 * most: NULL for v in its place. step: if it is not NULL, d is written there and nothing else. */
KERNEL(adam, FLOATS, (rt_exec *e, int64_t n, rt_adam_shape s, void *p, const void *g, void *m,
                      void *v, void *most, void *step))
{
    T *weight = p, *mean = m, *square = v, *peak = most;
    wide c1 = 1 - WIDE(pow)(s.beta1, (wide)s.step), c2 = 1 - WIDE(pow)(s.beta2, (wide)s.step);
    for (int64_t i = 0; i < n; i++) {
        wide gi = s.grad_scale * ((const T *)g)[i] + s.weight_decay * weight[i];
        wide mi = s.beta1 * mean[i] + (1 - s.beta1) * gi;
        wide vi = s.beta2 * square[i] + (1 - s.beta2) * gi * gi;
        wide largest = peak && peak[i] > vi ? peak[i] : vi;
        wide d = mi / c1 / (WIDE(sqrt)(largest) / WIDE(sqrt)(c2) + s.eps) + s.decay * weight[i];
        if (step) {
            ((T *)step)[i] = (T)d;
            continue;
        }
        mean[i] = (T)mi;
        square[i] = (T)vi;
        if (peak)
            peak[i] = (T)largest;
        weight[i] = (T)(weight[i] - s.lr * d);
    }
}
