/* Reference kernels: elements picked by an index, one at a time. Oracle for kernels/cpu/index.c. */
#include "common/error.h"
#include "kernels/cpu/cpu.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

/* How many elements the grid has. */
static int64_t count_of(const rt_pick *p)
{
    int64_t count = 1;
    for (int d = 0; d < p->nd; d++)
        count *= p->dim[d];
    return count;
}

/* Where element i of the grid points to in x; -1, with the error slot filled, if nowhere. */
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

static void gather(rt_exec *e, const rt_pick *p, const void *x, const int64_t *index, void *y)
{
    for (int64_t i = 0; i < count_of(p); i++) {
        int64_t from = place_of(p, i, index);
        if (from >= 0)
            memcpy((char *)y + i * (int64_t)p->bytes, (const char *)x + from * (int64_t)p->bytes,
                   p->bytes);
    }
}

#define SCATTER_ADD(T, type)                                                                       \
    static void scatter_add_##T(rt_exec *e, const rt_pick *p, const void *y, const int64_t *index, \
                                void *x)                                                           \
    {                                                                                              \
        for (int64_t i = 0; i < count_of(p); i++) {                                                \
            int64_t to = place_of(p, i, index);                                                    \
            if (to >= 0)                                                                           \
                ((type *)x)[to] = (type)(((type *)x)[to] + ((const type *)y)[i]);                  \
        }                                                                                          \
    }
SCATTER_ADD(F32, float)
SCATTER_ADD(F64, double)
SCATTER_ADD(I64, int64_t)
SCATTER_ADD(I32, int32_t)
SCATTER_ADD(U8, uint8_t)

#define LABEL_SHARE(T, type)                                                                       \
    static void label_share_##T(rt_exec *e, int64_t n, const int64_t *labels,                      \
                                int64_t ignore_index, void *share)                                 \
    {                                                                                              \
        double count = 0;                                                                          \
        for (int64_t i = 0; i < n; i++)                                                            \
            count += labels[i] == ignore_index ? 0 : 1;                                            \
        *(type *)share = (type)(1 / count);                                                        \
    }
LABEL_SHARE(F32, float)
LABEL_SHARE(F64, double)

#define DTYPE(T, name, type, bytes, st)                                                            \
    static void arange_##T(rt_exec *e, int64_t n, double start, double step, void *y)              \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            double v = start + (double)i * step;                                                   \
            e->kernels->cast[RT_F64][RT_##T](e, 1, &v, (type *)y + i);                             \
        }                                                                                          \
    }
RT_DTYPE_LIST(DTYPE)
#undef DTYPE

void rt__install_ref_index(rt_kernels *k)
{
    k->gather = gather;
#define SUMS(T) k->scatter_add[RT_##T] = scatter_add_##T;
    SUMS(F32)
    SUMS(F64)
    SUMS(I64)
    SUMS(I32)
    SUMS(U8)
    k->label_share[RT_F32] = label_share_F32;
    k->label_share[RT_F64] = label_share_F64;
#define DTYPE(T, name, type, bytes, st) k->arange[RT_##T] = arange_##T;
    RT_DTYPE_LIST(DTYPE)
#undef DTYPE
}
