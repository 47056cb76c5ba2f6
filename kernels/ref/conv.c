/* Reference kernels: convolution and its gradients. See kernels/ref/wide.h. */
#include "kernels/ref/wide.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* One multiplication of a convolution: x[xi] * w[wi] contributes to y[yi]. */
typedef struct tap {
    int64_t xi, wi, yi;
} tap;

/* Calls f for every pair of an output element and a weight that falls on the input. */
static void conv2d_visit(const rt_conv2d_shape *s, void (*f)(void *ctx, tap t), void *ctx)
{
    int64_t cg = s->c / s->groups, og = s->oc / s->groups;
    int64_t outputs = s->n * s->oc * s->oh * s->ow, weights = cg * s->kh * s->kw;
    for (int64_t yi = 0; yi < outputs; yi++) {
        int64_t ox = yi % s->ow, oy = yi / s->ow % s->oh, oc = yi / (s->ow * s->oh) % s->oc;
        int64_t n = yi / (s->ow * s->oh * s->oc);
        for (int64_t k = 0; k < weights; k++) {
            int64_t kx = k % s->kw, ky = k / s->kw % s->kh, ic = k / (s->kw * s->kh) + oc / og * cg;
            int64_t iy = oy * s->stride[0] - s->pad[0] + ky * s->dilation[0];
            int64_t ix = ox * s->stride[1] - s->pad[1] + kx * s->dilation[1];
            if (iy < 0 || iy >= s->h || ix < 0 || ix >= s->w)
                continue;
            f(ctx, (tap){((n * s->c + ic) * s->h + iy) * s->w + ix, oc * weights + k, yi});
        }
    }
}

/* a: the two factors; sum: wide accumulators of the result. */
typedef struct conv_sum {
    const T *a, *b;
    wide *sum;
} conv_sum;

static void tap_y(void *ctx, tap t)
{
    conv_sum *c = ctx;
    c->sum[t.yi] += (wide)c->a[t.xi] * c->b[t.wi];
}

static void tap_dx(void *ctx, tap t)
{
    conv_sum *c = ctx;
    c->sum[t.xi] += (wide)c->a[t.yi] * c->b[t.wi];
}

static void tap_dw(void *ctx, tap t)
{
    conv_sum *c = ctx;
    c->sum[t.wi] += (wide)c->a[t.xi] * c->b[t.yi];
}

/* Sums all taps in wide scratch, then rounds; adds bias[i / plane % channels] unless bias is
 * NULL. */
static void conv2d_run(rt_exec *e, const rt_conv2d_shape *s, void (*f)(void *, tap), const void *a,
                       const void *b, const T *bias, T *out, int64_t count)
{
    wide *sum = rt_scratch(e, (size_t)count * sizeof *sum);
    if (!sum)
        return;
    memset(sum, 0, (size_t)count * sizeof *sum);
    conv2d_visit(s, f, &(conv_sum){a, b, sum});
    for (int64_t i = 0; i < count; i++)
        out[i] = (T)(sum[i] + (bias ? bias[i / (s->oh * s->ow) % s->oc] : 0));
}

/* y[n,oc,oh,ow] = bias[oc] + sum over ic,kh,kw of x * w; bias may be NULL. All NCHW, w: [oc, c/groups, kh, kw]. */
KERNEL(conv2d, FLOATS, (rt_exec *e, const rt_conv2d_shape *s, const void *x, const void *w,
                        const void *bias, void *y))
{
    conv2d_run(e, s, tap_y, x, w, bias, y, s->n * s->oc * s->oh * s->ow);
}

/* The gradient with respect to x. */
KERNEL(conv2d_dx, FLOATS, (rt_exec *e, const rt_conv2d_shape *s, const void *dy, const void *w,
                           void *dx))
{
    conv2d_run(e, s, tap_dx, dy, w, NULL, dx, s->n * s->c * s->h * s->w);
}

/* The gradient with respect to w. */
KERNEL(conv2d_dw, FLOATS, (rt_exec *e, const rt_conv2d_shape *s, const void *x, const void *dy,
                           void *dw))
{
    conv2d_run(e, s, tap_dw, x, dy, NULL, dw, s->oc * (s->c / s->groups) * s->kh * s->kw);
}
