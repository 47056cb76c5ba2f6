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

/* Joins y[i], v, with the element of x that it goes to, old, in ascending order of i. */
#define SCATTER(joined)                                                                            \
    for (int64_t i = 0; i < count_of(p); i++) {                                                    \
        int64_t to = place_of(p, i, index);                                                        \
        if (to < 0)                                                                                \
            continue;                                                                              \
        const T v = ((const T *)y)[i], old = ((T *)x)[to];                                         \
        ((T *)x)[to] = (T)(joined);                                                                \
    }

/* x[..] = y[i], for elements of any type. Of several i with one place in x, the last one stays. */
KERNEL_ANY(scatter, (rt_exec *e, const rt_pick *p, const void *y, const int64_t *index, void *x))
{
    for (int64_t i = 0; i < count_of(p); i++) {
        int64_t to = place_of(p, i, index);
        if (to >= 0)
            memcpy((char *)x + to * (int64_t)p->bytes, (const char *)y + i * (int64_t)p->bytes,
                   p->bytes);
    }
}

/* x[..] *= y[i], in ascending order of i. */
KERNEL(scatter_mul, NUMERIC, (rt_exec *e, const rt_pick *p, const void *y, const int64_t *index,
                              void *x))
{
    SCATTER(old * v);
}

/* x[..] = the larger of it and y[i]; NaN counts as largest. Complex numbers, which have no order, are compared by their real parts. */
KERNEL(scatter_max, NUMERIC, (rt_exec *e, const rt_pick *p, const void *y, const int64_t *index,
                              void *x))
{
    SCATTER(__real__ v > __real__ old || v != v ? v : old);
}

/* x[..] = the smaller of it and y[i]; NaN counts as smallest. Complex numbers as in scatter_max. */
KERNEL(scatter_min, NUMERIC, (rt_exec *e, const rt_pick *p, const void *y, const int64_t *index,
                              void *x))
{
    SCATTER(__real__ v < __real__ old || v != v ? v : old);
}

/* at[i] = stride * index[i], added to what is there if `add`; a negative index counts from the end of `size` elements. If an index is out
 * of range, the error slot is filled (RANGE) with the first of them. */
KERNEL_ANY(index_offsets, (rt_exec *e, int64_t n, int64_t size, int64_t stride, bool add,
                           const int64_t *index, int64_t *at))
{
    for (int64_t i = 0; i < n; i++) {
        if (index[i] < -size || index[i] >= size)
            RT_FAIL(RANGE, "index %lld at element %lld, expected %lld to %lld", (long long)index[i],
                    (long long)i, -(long long)size, (long long)size - 1);
        at[i] = (add ? at[i] : 0) + stride * (index[i] < 0 ? index[i] + size : index[i]);
    }
}

/* y[i] = the coordinates of the element that is at[i]-th in row-major order of a shape dim[nd]. y: [n, nd]. Only the first of
 * neighbours in a row takes divisions. */
KERNEL_ANY(coordinates, (rt_exec *e, int64_t n, int nd, const int64_t *dim, const int64_t *at,
                         int64_t *y))
{
    for (int64_t i = 0; i < n && nd > 0; i++, y += nd) {
        int64_t left = at[i], step = i > 0 ? left - at[i - 1] : -1;
        if (step >= 0 && step < dim[nd - 1] - y[-1]) {
            for (int d = 0; d < nd; d++)
                y[d] = y[d - nd];
            y[nd - 1] += step;
            continue;
        }
        for (int d = nd - 1; d >= 0; d--) {
            y[d] = left % dim[d];
            left /= dim[d];
        }
    }
}

/* at[i] = how many elements of a row, which is sorted in ascending order, are less than y[i]; with `right`, not greater than it. NaN is
 * greater than all others, and in rows every NaN counts as one that is not less. Row j is for the j-th of rows.n equal parts of y, of m
 * elements each. Complex numbers as in scatter_max. */
KERNEL(searchsorted, NUMERIC, (rt_exec *e, rt_rows rows, int64_t m, bool right, const void *sorted,
                               const void *y, int64_t *at))
{
    for (int64_t i = 0; i < rows.n * m; i++) {
        const T *row = (const T *)sorted + i / m * rows.len, v = ((const T *)y)[i];
        int64_t begin = 0, end = rows.len;
        while (begin < end) {
            int64_t middle = begin + (end - begin) / 2;
            if (right ? !(__real__ row[middle] > __real__ v)
                      : !(__real__ row[middle] >= __real__ v))
                begin = middle + 1;
            else
                end = middle;
        }
        at[i] = begin;
    }
}

/* x[..] += y[i], in ascending order of i. */
KERNEL(scatter_add, NUMERIC, (rt_exec *e, const rt_pick *p, const void *y, const int64_t *index,
                              void *x))
{
    SCATTER(old + v);
}

/* Writes the places of the bytes of x, from 0, that are not zero, in ascending order. at: as many as there are. */
KERNEL_ANY(places, (rt_exec *e, int64_t n, const uint8_t *x, int64_t *at))
{
    while (n > 0 && !x[n - 1])
        n--;
    for (int64_t i = 0; i < n;
         i++) { /* writes a place before it is known to be one: no branch to mispredict */
        *at = i;
        at += x[i] != 0;
    }
}
