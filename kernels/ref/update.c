/* Reference kernels: updates of parameters. See kernels/ref/wide.h. */
#include "kernels/ref/wide.h"
#include <math.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

void KERNEL_NAME(axpy)(rt_exec *e, int64_t n, double alpha, const void *x, void *y)
{
    for (int64_t i = 0; i < n; i++)
        ((T *)y)[i] = (T)(((T *)y)[i] + (wide)(T)alpha * ((const T *)x)[i]);
}

void KERNEL_NAME(scale)(rt_exec *e, int64_t n, double alpha, const void *x, void *y)
{
    for (int64_t i = 0; i < n; i++)
        ((T *)y)[i] = (T)alpha * ((const T *)x)[i];
}

void KERNEL_NAME(sgd)(rt_exec *e, int64_t n, rt_sgd_shape s, void *p_, const void *g_, void *buf_)
{
    T *p = p_, *buf = buf_;
    for (int64_t i = 0; i < n; i++) {
        wide g = s.grad_scale * ((const T *)g_)[i] + s.weight_decay * p[i], d = g;
        if (buf) {
            d = s.first ? g : s.momentum * buf[i] + (1 - s.dampening) * g;
            buf[i] = (T)d;
            if (s.nesterov)
                d = g + s.momentum * d;
        }
        p[i] = (T)(p[i] - s.lr * d);
    }
}

void KERNEL_NAME(adamw)(rt_exec *e, int64_t n, rt_adamw_shape s, void *p_, const void *g_, void *m_,
                        void *v_)
{
    T *p = p_, *m = m_, *v = v_;
    wide c1 = 1 - WIDE(pow)(s.beta1, (wide)s.step), c2 = 1 - WIDE(pow)(s.beta2, (wide)s.step);
    for (int64_t i = 0; i < n; i++) {
        wide g = s.grad_scale * ((const T *)g_)[i];
        wide mi = s.beta1 * m[i] + (1 - s.beta1) * g, vi = s.beta2 * v[i] + (1 - s.beta2) * g * g;
        m[i] = (T)mi;
        v[i] = (T)vi;
        p[i] = (T)(p[i] * (1 - s.lr * s.weight_decay) -
                   s.lr / c1 * mi / (WIDE(sqrt)(vi) / WIDE(sqrt)(c2) + s.eps));
    }
}

void KERNEL_NAME(adam)(rt_exec *e, int64_t n, rt_adam_shape s, void *p_, const void *g_, void *m_,
                       void *v_, void *most_, void *step)
{
    T *p = p_, *m = m_, *v = v_, *most = most_;
    wide c1 = 1 - WIDE(pow)(s.beta1, (wide)s.step), c2 = 1 - WIDE(pow)(s.beta2, (wide)s.step);
    for (int64_t i = 0; i < n; i++) {
        wide g = s.grad_scale * ((const T *)g_)[i] + s.weight_decay * p[i];
        wide mi = s.beta1 * m[i] + (1 - s.beta1) * g, vi = s.beta2 * v[i] + (1 - s.beta2) * g * g;
        wide largest = most && most[i] > vi ? most[i] : vi;
        wide d = mi / c1 / (WIDE(sqrt)(largest) / WIDE(sqrt)(c2) + s.eps) + s.decay * p[i];
        if (step) {
            ((T *)step)[i] = (T)d;
            continue;
        }
        m[i] = (T)mi;
        v[i] = (T)vi;
        if (most)
            most[i] = (T)largest;
        p[i] = (T)(p[i] - s.lr * d);
    }
}
