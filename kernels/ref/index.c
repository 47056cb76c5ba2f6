/* Reference kernels on indices: elements selected by an index, one at a time. See kernels/ref/wide.h; the fast ones, one text for
 * all levels, are in kernels/cpu/index.c.
 *
 * Element i of y, in row-major order of the grid, corresponds to the element of x that its index points to. If indices lie outside
 * [0, p->size), the error slot is filled (RANGE) with the first of them after all others are done. */
#include "common/base/error.h"
#include "kernels/ref/wide.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* Returns the number of elements of the grid. */
static int64_t count_of(const rt_pick *p)
{
    int64_t count = 1;
    for (int d = 0; d < p->nd; d++)
        count *= p->dim[d];
    return count;
}

/* Returns where element i of the grid points in x; -1 with the error slot filled if the index is out of range. */
static int64_t place_of(const rt_pick *p, int64_t i, const int64_t *index)
{
    int64_t at = 0, place = 0;
    for (int d = p->nd - 1; d >= 0; d--) {
        at += i % p->dim[d] * p->at[d];
        place += i % p->dim[d] * p->stride[d];
        i /= p->dim[d];
    }
    if (index[at] >= 0 && index[at] < p->size)
        return place + index[at] * p->step;
    RT_FAIL(RANGE, "index %lld at element %lld, expected 0 to %lld", (long long)index[at],
            (long long)at, (long long)p->size - 1);
    return -1;
}

/* y[i] = x[..], for elements of any type. */
KERNEL_ANY(gather, (rt_exec *e, const rt_pick *p, const void *x, const int64_t *index, void *y))
{
    for (int64_t i = 0; i < count_of(p); i++) {
        int64_t from = place_of(p, i, index);
        if (from >= 0)
            memcpy((char *)y + i * (int64_t)p->bytes, (const char *)x + from * (int64_t)p->bytes,
                   p->bytes);
    }
}

/* x[..] += y[i], in ascending order of i. */
KERNEL(scatter_add, NUMERIC, (rt_exec *e, const rt_pick *p, const void *y, const int64_t *index,
                              void *x))
{
    T *sum = x;
    for (int64_t i = 0; i < count_of(p); i++) {
        int64_t to = place_of(p, i, index);
        if (to >= 0)
            sum[to] = (T)(sum[to] + ((const T *)y)[i]);
    }
}

/* Writes the places of the bytes of x, from 0, that are not zero, in ascending order. at: as many as there are. */
KERNEL_ANY(places, (rt_exec *e, int64_t n, const uint8_t *x, int64_t *at))
{
    for (int64_t i = 0; i < n; i++)
        if (x[i])
            *at++ = i;
}
