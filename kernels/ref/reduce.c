/* Reference kernels: reductions over the middle of [outer, red, inner]. See kernels/ref/wide.h.
 *
 * y: [outer, inner]. For the inner axis, inner = 1; for the outer axis (columns), outer = 1. The order of additions depends only
 * on the shape. An empty sum is 0 and an empty product 1; max and min need red >= 1 and return NaN if there is one. Integer reductions are in
 * kernels/cpu/integer.c. */
#include "common/base/slices.h"
#include "kernels/ref/wide.h"
#include <math.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* The body of a reduction of x to y that begins with `start` and applies `step`. */
#define FOLD(start, step)                                                                          \
    for (int64_t i = 0; i < f.outer * f.inner; i++) {                                              \
        const T *in = (const T *)x + i / f.inner * f.red * f.inner + i % f.inner;                  \
        wide acc = start;                                                                          \
        for (int64_t r = 0; r < f.red; r++) {                                                      \
            wide v = (wide)in[r * f.inner];                                                        \
            acc = step;                                                                            \
        }                                                                                          \
        ((T *)y)[i] = (T)acc;                                                                      \
    }

KERNEL(sum, FLOATS, (rt_exec *e, rt_fold f, const void *x, void *y))
{
    FOLD(0, acc + v);
}

KERNEL(prod, FLOATS, (rt_exec *e, rt_fold f, const void *x, void *y))
{
    FOLD(1, acc * v);
}

KERNEL(max, FLOATS, (rt_exec *e, rt_fold f, const void *x, void *y))
{
    FOLD(-INFINITY, v > acc || isnan(v) ? v : acc);
}

KERNEL(min, FLOATS, (rt_exec *e, rt_fold f, const void *x, void *y))
{
    FOLD(INFINITY, v < acc || isnan(v) ? v : acc);
}

/* partial[i] = the sum of squares of block i of RT_BLOCK elements (the last may be shorter): ceil(n / RT_BLOCK) doubles. */
KERNEL(sum_squares, FLOATS, (rt_exec *e, int64_t n, const void *x, double *partial))
{
    for (int64_t i = 0; i < n; i++) {
        wide v = ((const T *)x)[i];
        if (i % RT_BLOCK == 0)
            partial[i / RT_BLOCK] = 0;
        partial[i / RT_BLOCK] += v * v;
    }
}
