/* Reference kernels: convolution and its gradients, and the windows of one as columns. See kernels/ref/wide.h. */
#include "kernels/ref/wide.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* One multiplication of a convolution: x[xi] * w[wi] contributes to y[yi]. */
typedef struct tap {
    int64_t xi, wi, yi;
} tap;

/* Returns the place within its input volume that output element o meets with tap k, or -1 if that is padding. */
static int64_t conv_meets(const rt_conv_shape *s, int64_t o, int64_t k)
{
    int64_t place = 0, apart = 1;
    for (int d = 2; d >= 0; d--) {
        int64_t i = o % s->out[d] * s->stride[d] - s->pad[d] + k % s->kernel[d] * s->dilation[d];
        if (i < 0 || i >= s->in[d])
            return -1;
        place += i * apart;
        apart *= s->in[d];
        o /= s->out[d];
        k /= s->kernel[d];
    }
    return place;
}

/* Calls f for every pair of an output element and a weight that falls on the input. */
static void conv_visit(const rt_conv_shape *s, void (*f)(void *ctx, tap t), void *ctx)
{
    int64_t cg = s->c / s->groups, og = s->oc / s->groups, taps = rt_volume(s->kernel);
    int64_t volume = rt_volume(s->out), outputs = s->n * s->oc * volume, weights = cg * taps;
    for (int64_t yi = 0; yi < outputs; yi++) {
        int64_t oc = yi / volume % s->oc, n = yi / (volume * s->oc);
        for (int64_t k = 0; k < weights; k++) {
            int64_t plane = n * s->c + oc / og * cg + k / taps, at = conv_meets(s, yi, k);
            if (at >= 0)
                f(ctx, (tap){plane * rt_volume(s->in) + at, oc * weights + k, yi});
        }
    }
}

/* a, b: the two factors; sum: wide accumulators of the result. */
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

/* Sums all taps in wide scratch, then rounds. bias[channels], of blocks of `volume` results, is added unless it is NULL. */
static void conv_run(rt_exec *e, const rt_conv_shape *s, void (*f)(void *, tap), conv_sum c,
                     const T *bias, int64_t channels, int64_t volume, T *out, int64_t count)
{
    c.sum = rt_scratch(e, (size_t)count * sizeof *c.sum);
    if (!c.sum)
        return;
    memset(c.sum, 0, (size_t)count * sizeof *c.sum);
    conv_visit(s, f, &c);
    for (int64_t i = 0; i < count; i++)
        out[i] = (T)(c.sum[i] + (bias ? bias[i / volume % channels] : 0));
}

/* y[n,oc,o...] = bias[oc] + sum over ic, k... of x * w; bias may be NULL. x: [n,c,in...], w: [oc,c/groups,kernel...]. */
KERNEL(conv, FLOATS, (rt_exec *e, const rt_conv_shape *s, const void *x, const void *w,
                      const void *bias, void *y))
{
    int64_t volume = rt_volume(s->out);
    conv_run(e, s, tap_y, (conv_sum){x, w, NULL}, bias, s->oc, volume, y, s->n * s->oc * volume);
}

/* The gradient with respect to x, plus bias[c], which may be NULL. */
KERNEL(conv_dx, FLOATS, (rt_exec *e, const rt_conv_shape *s, const void *dy, const void *w,
                         const void *bias, void *dx))
{
    int64_t volume = rt_volume(s->in);
    conv_run(e, s, tap_dx, (conv_sum){dy, w, NULL}, bias, s->c, volume, dx, s->n * s->c * volume);
}

/* The gradient with respect to w. */
KERNEL(conv_dw, FLOATS, (rt_exec *e, const rt_conv_shape *s, const void *x, const void *dy,
                         void *dw))
{
    conv_run(e, s, tap_dw, (conv_sum){x, dy, NULL}, NULL, 1, 1, dw,
             s->oc * (s->c / s->groups) * rt_volume(s->kernel));
}

/* y[n,c,k...,o...] = x[n,c,i...], the element of each window o that tap k meets; 0 on padding. Reads n, c, in, kernel and out of the
 * shape, and how the windows lie. */
KERNEL(im2col, FLOATS, (rt_exec *e, const rt_conv_shape *s, const void *x, void *y))
{
    int64_t taps = rt_volume(s->kernel), windows = rt_volume(s->out), volume = rt_volume(s->in);
    for (int64_t i = 0; i < s->n * s->c * taps * windows; i++) {
        int64_t at = conv_meets(s, i % windows, i / windows % taps);
        ((T *)y)[i] = at < 0 ? 0 : ((const T *)x)[i / (taps * windows) * volume + at];
    }
}

/* The gradient of im2col with respect to x: each element is the sum of what the windows have of it. */
KERNEL(col2im, FLOATS, (rt_exec *e, const rt_conv_shape *s, const void *dy, void *dx))
{
    int64_t taps = rt_volume(s->kernel), windows = rt_volume(s->out), volume = rt_volume(s->in);
    wide *sum = rt_scratch(e, (size_t)volume * sizeof *sum);
    for (int64_t c = 0; c < s->n * s->c && sum; c++) {
        memset(sum, 0, (size_t)volume * sizeof *sum);
        for (int64_t i = 0; i < taps * windows; i++) {
            int64_t at = conv_meets(s, i % windows, i / windows);
            if (at >= 0)
                sum[at] += ((const T *)dy)[c * taps * windows + i];
        }
        for (int64_t i = 0; i < volume; i++)
            ((T *)dx)[c * volume + i] = (T)sum[i];
    }
}
