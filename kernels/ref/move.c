/* Reference kernels of any type: moving elements without computing, and arange. See kernels/ref/wide.h; the fast ones, one text for
 * all levels, are in kernels/cpu/move.c and index.c. */
#include "kernels/ref/wide.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* y = mask ? a : b over a grid whose operands are a, b and mask (bool). */
KERNEL(select, EVERY, (rt_exec *e, const rt_grid *g, const void *a, const void *b,
                       const uint8_t *mask, void *y))
{
    for (int64_t i = 0; i < rt_grid_count(g); i++) {
        const T *from = mask[rt_grid_place(g, 2, i)] ? (const T *)a + rt_grid_place(g, 0, i)
                                                     : (const T *)b + rt_grid_place(g, 1, i);
        ((T *)y)[i] = *from;
    }
}

/* y[i] = start + i * step: product and sum in double, then converted as `cast` does from float64. For int64 it is exact; start and
 * step are then whole numbers between -2^64 and 2^64, and every y fits the type. */
KERNEL(arange, EVERY, (rt_exec *e, int64_t n, double start, double step, void *y))
{
    for (int64_t i = 0; i < n; i++) {
        double v = start + (double)i * step;
        if ((int)T_DTYPE == (int)RT_I64)
            ((int64_t *)y)[i] = (int64_t)((__int128)start + i * (__int128)step);
        else
            e->kernels->cast[RT_F64][T_DTYPE](e, 1, &v, (T *)y + i);
    }
}

/* Copies between strided views of one element size (1, 2, 4, 8 or 16 bytes). */
KERNEL_ANY(copy, (rt_exec *e, const rt_strided *s, const void *x, void *y))
{
    int64_t count = 1;
    for (int d = 0; d < s->nd; d++)
        count *= s->dim[d];
    for (int64_t i = 0; i < count; i++) {
        int64_t left = i, from = 0, to = 0;
        for (int d = s->nd - 1; d >= 0; d--) {
            from += left % s->dim[d] * s->src[d];
            to += left % s->dim[d] * s->dst[d];
            left /= s->dim[d];
        }
        memcpy((char *)y + to * (int64_t)s->size, (const char *)x + from * (int64_t)s->size,
               s->size);
    }
}

/* Writes n elements of `size` bytes (1, 2, 4, 8 or 16), each a copy of *value. */
KERNEL_ANY(fill, (rt_exec *e, int64_t n, size_t size, const void *value, void *y))
{
    for (int64_t i = 0; i < n; i++)
        memcpy((char *)y + i * (int64_t)size, value, size);
}
