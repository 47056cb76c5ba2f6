/* Reference kernels: reductions. See kernels/ref/wide.h. */
#include "common/slices.h"
#include "kernels/ref/wide.h"
#include <math.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

/* Reduces with `step`, from `start`, then divides by `divisor`. */
#define FOLD(name, start, step, divisor)                                                           \
    void KERNEL_NAME(name)(rt_exec * e, rt_fold f, const void *x, void *y)                         \
    {                                                                                              \
        for (int64_t i = 0; i < f.outer * f.inner; i++) {                                          \
            const T *in = (const T *)x + i / f.inner * f.red * f.inner + i % f.inner;              \
            wide acc = start;                                                                      \
            for (int64_t r = 0; r < f.red; r++) {                                                  \
                wide v = (wide)in[r * f.inner];                                                    \
                acc = step;                                                                        \
            }                                                                                      \
            ((T *)y)[i] = (T)(acc / divisor);                                                      \
        }                                                                                          \
    }
FOLD(sum, 0, acc + v, 1)
FOLD(mean, 0, acc + v, (wide)f.red)
FOLD(max, -INFINITY, v > acc || isnan(v) ? v : acc, 1)
FOLD(min, INFINITY, v < acc || isnan(v) ? v : acc, 1)

void KERNEL_NAME(sum_squares)(rt_exec *e, int64_t n, const void *x_, double *partial)
{
    const T *x = x_;
    for (int64_t i = 0; i < n; i++) {
        if (i % RT_BLOCK == 0)
            partial[i / RT_BLOCK] = 0;
        partial[i / RT_BLOCK] += (wide)x[i] * x[i];
    }
}
