/* Reference kernels: convolution and its gradients, and what has its windows as columns. See kernels/ref/wide.h. */
#include "kernels/ref/wide.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* One multiplication of a convolution: x[xi] * w[wi] contributes to y[yi]. */
typedef struct tap {
    int64_t xi, wi, yi;
} tap;

/* Goes on to the next place of a block of that size, from the last one to the first. */
static void go_on(int64_t place[3], const int64_t size[3])
{
    for (int d = 2; d >= 0; d--) {
        if (++place[d] < size[d])
            return;
        place[d] = 0;
    }
}

/* Returns the place within its input volume that output element o meets with tap k, or -1 if that is padding. */
static int64_t conv_meets(const rt_conv_shape *s, const int64_t o[3], const int64_t k[3])
{
    int64_t place = 0;
    for (int d = 0; d < 3; d++) {
        int64_t i = o[d] * s->stride[d] - s->pad[d] + k[d] * s->dilation[d];
        if (i < 0 || i >= s->in[d])
            return -1;
        place = place * s->in[d] + i;
    }
    return place;
}

/* Calls f for every pair of an output element and a weight that falls on the input. */
static void conv_visit(const rt_conv_shape *s, void (*f)(void *ctx, tap t), void *ctx)
{
    int64_t cg = s->c / s->groups, og = s->oc / s->groups, volume = rt_volume(s->in);
    int64_t taps = rt_volume(s->kernel), outputs = rt_volume(s->out), o[3] = {0}, k[3] = {0};
    for (int64_t plane = 0; plane < s->n * s->oc; plane++) {
        int64_t oc = plane % s->oc, input = plane / s->oc * s->c + oc / og * cg;
        for (int64_t i = 0; i < outputs; i++, go_on(o, s->out))
            for (int64_t c = 0; c < cg; c++)
                for (int64_t t = 0; t < taps; t++, go_on(k, s->kernel)) {
                    int64_t at = conv_meets(s, o, k);
                    if (at >= 0)
                        f(ctx, (tap){(input + c) * volume + at, (oc * cg + c) * taps + t,
                                     plane * outputs + i});
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
KERNEL(conv, REALS, (rt_exec *e, const rt_conv_shape *s, const void *x, const void *w,
                      const void *bias, void *y))
{
    int64_t volume = rt_volume(s->out);
    conv_run(e, s, tap_y, (conv_sum){x, w, NULL}, bias, s->oc, volume, y, s->n * s->oc * volume);
}

/* The gradient with respect to x, plus bias[c], which may be NULL. */
KERNEL(conv_dx, REALS, (rt_exec *e, const rt_conv_shape *s, const void *dy, const void *w,
                         const void *bias, void *dx))
{
    int64_t volume = rt_volume(s->in);
    conv_run(e, s, tap_dx, (conv_sum){dy, w, NULL}, bias, s->c, volume, dx, s->n * s->c * volume);
}

#ifdef RT_BITS
static void tap_dw(void *ctx, tap t)
{
    conv_sum *c = ctx;
    c->sum[t.wi] += (wide)c->a[t.xi] * c->b[t.yi];
}

/* The gradient with respect to w. */
KERNEL(conv_dw, FLOATS, (rt_exec *e, const rt_conv_shape *s, const void *x, const void *dy,
                         void *dw))
{
    conv_run(e, s, tap_dw, (conv_sum){x, dy, NULL}, NULL, 1, 1, dw,
             s->oc * (s->c / s->groups) * rt_volume(s->kernel));
}

/* dx[n,c,i...] = the sum of what the windows have of an element: dy[n,c,k...,o...] is that of window o under tap k. Reads n, c, in,
 * kernel and out of the shape, and how the windows lie. */
KERNEL(col2im, FLOATS, (rt_exec *e, const rt_conv_shape *s, const void *dy, void *dx))
{
    int64_t taps = rt_volume(s->kernel), windows = rt_volume(s->out), volume = rt_volume(s->in);
    int64_t o[3] = {0}, k[3] = {0};
    wide *sum = rt_scratch(e, (size_t)volume * sizeof *sum);
    for (int64_t c = 0; c < s->n * s->c && sum; c++) {
        memset(sum, 0, (size_t)volume * sizeof *sum);
        for (int64_t t = 0; t < taps; t++, go_on(k, s->kernel))
            for (int64_t j = 0; j < windows; j++, go_on(o, s->out)) {
                int64_t at = conv_meets(s, o, k);
                if (at >= 0)
                    sum[at] += ((const T *)dy)[(c * taps + t) * windows + j];
            }
        for (int64_t i = 0; i < volume; i++)
            ((T *)dx)[c * volume + i] = (T)sum[i];
    }
}
#endif
