/* Reference kernels: resampling along an axis, which makes its elements of weighted ones of another size, and its gradient. See
 * kernels/ref/wide.h. */
#include "kernels/ref/wide.h"

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* y[.., o, ..] = sum over t of w[o, t] * x[.., at[o, t], ..]. at, w: [out, taps]; at in [0, in). */
KERNEL(resample, FLOATS, (rt_exec *e, const rt_resample_shape *s, const int64_t *at, const void *w,
                          const void *x, void *y))
{
    for (int64_t k = 0; k < s->outer * s->out * s->inner; k++) {
        int64_t i = k % s->inner, o = k / s->inner % s->out, n = k / s->inner / s->out;
        wide sum = 0;
        for (int64_t t = o * s->taps; t < (o + 1) * s->taps; t++)
            sum += (wide)((const T *)w)[t] * ((const T *)x)[(n * s->in + at[t]) * s->inner + i];
        ((T *)y)[k] = (T)sum;
    }
}

/* The gradient with respect to x: each dy is added, times its weight, to the elements that it is made of. */
KERNEL(resample_dx, FLOATS, (rt_exec *e, const rt_resample_shape *s, const int64_t *at,
                             const void *w, const void *dy, void *dx))
{
    int64_t each = s->in * s->inner;
    for (int64_t k = 0; k < s->outer * each; k++) {
        int64_t i = k % s->inner, j = k / s->inner % s->in, n = k / each;
        wide sum = 0;
        for (int64_t t = 0; t < s->out * s->taps; t++)
            if (at[t] == j)
                sum += (wide)((const T *)w)[t] *
                       ((const T *)dy)[(n * s->out + t / s->taps) * s->inner + i];
        ((T *)dx)[k] = (T)sum;
    }
}
