/* Elements selected by an index, and related kernels: one source for every level. A grid is processed in runs, the rows along its
 * last axis. */
#include "common/base/error.h"
#include "kernels/cpu/cpu.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* Where a run of a grid begins: in the index, and in x before adding the index. */
typedef struct place {
    int64_t index, x;
} place;

static place run_begin(const rt_pick *p, int64_t r)
{
    place b = {0, 0};
    for (int d = p->nd - 2; d >= 0; d--) {
        int64_t i = r % p->dim[d];
        b.index += i * p->at[d];
        b.x += i * p->stride[d];
        r /= p->dim[d];
    }
    return b;
}

/* Returns the number of runs of a grid; 0 if it is empty. */
static int64_t runs_of(const rt_pick *p)
{
    int64_t runs = p->dim[p->nd - 1] > 0;
    for (int d = 0; d < p->nd - 1; d++)
        runs *= p->dim[d];
    return runs;
}

static inline bool fits(const rt_pick *p, int64_t index)
{
    return index >= 0 && index < p->size;
}

/* Fills the error slot, naming the first index that is out of range. */
static void refuse_first(const rt_pick *p, const int64_t *index)
{
    int last = p->nd - 1;
    for (int64_t r = 0, runs = runs_of(p); r < runs; r++) {
        int64_t at = run_begin(p, r).index;
        for (int64_t i = 0; i < p->dim[last]; i++, at += p->at[last])
            if (!fits(p, index[at])) {
                RT_FAIL(RANGE, "index %lld at element %lld, expected 0 to %lld",
                        (long long)index[at], (long long)at, (long long)p->size - 1);
                return;
            }
    }
}

/* ---- gather ---- */

/* Copies a run that has one index and contiguous elements: a row of a table. */
static bool copy_row(const rt_pick *p, const char *x, int64_t index, char *y)
{
    size_t bytes = (size_t)p->dim[p->nd - 1] * p->bytes;
    if (!fits(p, index))
        return false;
    memcpy(y, x + index * p->step * (int64_t)p->bytes, bytes);
    return true;
}

#define GATHER(type)                                                                               \
    static bool gather_##type(const rt_pick *p, const type *x, const int64_t *index, type *y)      \
    {                                                                                              \
        int last = p->nd - 1;                                                                      \
        int64_t n = p->dim[last], at = p->at[last], stride = p->stride[last];                      \
        bool all = true;                                                                           \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t k = index[i * at];                                                             \
            if (fits(p, k))                                                                        \
                y[i] = x[i * stride + k * p->step];                                                \
            else                                                                                   \
                all = false;                                                                       \
        }                                                                                          \
        return all;                                                                                \
    }
GATHER(uint8_t)
GATHER(uint16_t)
GATHER(uint32_t)
GATHER(uint64_t)
GATHER(rt_16_bytes)

static bool gather_run(const rt_pick *p, const char *x, const int64_t *index, char *y)
{
    if (p->at[p->nd - 1] == 0 && p->stride[p->nd - 1] == 1)
        return copy_row(p, x, *index, y);
    switch (p->bytes) {
    case 1:
        return gather_uint8_t(p, (const void *)x, index, (void *)y);
    case 2:
        return gather_uint16_t(p, (const void *)x, index, (void *)y);
    case 4:
        return gather_uint32_t(p, (const void *)x, index, (void *)y);
    case 8:
        return gather_uint64_t(p, (const void *)x, index, (void *)y);
    default:
        return gather_rt_16_bytes(p, (const void *)x, index, (void *)y);
    }
}

static void gather(rt_exec *e, const rt_pick *p, const void *x, const int64_t *index, void *y)
{
    int64_t runs = runs_of(p), len = p->dim[p->nd - 1], bytes = (int64_t)p->bytes;
    atomic_bool all = true;
    RT_PARALLEL_FOR_IF(e, r, runs, runs > 1 && rt__worth_threads(e, runs * len))
    {
        place b = run_begin(p, r);
        if (!gather_run(p, (const char *)x + b.x * bytes, index + b.index,
                        (char *)y + r * len * bytes))
            atomic_store_explicit(&all, false, memory_order_relaxed);
    }
    if (!all)
        refuse_first(p, index);
}

/* ---- scatter_add: on one thread, because the index decides where it adds ---- */

#define SCATTER_ADD(T, type)                                                                       \
    static bool scatter_run_##T(const rt_pick *p, const type *y, const int64_t *index, type *x)    \
    {                                                                                              \
        int last = p->nd - 1;                                                                      \
        int64_t n = p->dim[last], at = p->at[last], stride = p->stride[last];                      \
        bool all = true;                                                                           \
        if (at == 0 && fits(p, *index)) { /* one index: a row of a table */                        \
            x += *index * p->step;                                                                 \
            for (int64_t i = 0; i < n; i++)                                                        \
                x[i * stride] = (type)(x[i * stride] + y[i]);                                      \
            return true;                                                                           \
        }                                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t k = index[i * at];                                                             \
            if (fits(p, k))                                                                        \
                x[i * stride + k * p->step] = (type)(x[i * stride + k * p->step] + y[i]);          \
            else                                                                                   \
                all = false;                                                                       \
        }                                                                                          \
        return all;                                                                                \
    }                                                                                              \
    static void scatter_add_##T(rt_exec *e, const rt_pick *p, const void *y, const int64_t *index, \
                                void *x)                                                           \
    {                                                                                              \
        int64_t runs = runs_of(p), len = p->dim[p->nd - 1];                                        \
        bool all = true;                                                                           \
        for (int64_t r = 0; r < runs; r++) {                                                       \
            place b = run_begin(p, r);                                                             \
            all &=                                                                                 \
                scatter_run_##T(p, (const type *)y + r * len, index + b.index, (type *)x + b.x);   \
        }                                                                                          \
        if (!all)                                                                                  \
            refuse_first(p, index);                                                                \
    }
SCATTER_ADD(F32, float)
SCATTER_ADD(F64, double)
SCATTER_ADD(I64, int64_t)
SCATTER_ADD(I32, int32_t)
SCATTER_ADD(I16, int16_t)
SCATTER_ADD(I8, int8_t)
SCATTER_ADD(U8, uint8_t)
SCATTER_ADD(C64, float _Complex)
SCATTER_ADD(C128, double _Complex)

/* ---- labels ---- */

static double share_of(int64_t n, const int64_t *labels, int64_t ignore_index)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += labels[i] != ignore_index;
    return 1 / (double)count;
}

static void label_share_F32(rt_exec *e, int64_t n, const int64_t *labels, int64_t ignore_index,
                            void *share)
{
    *(float *)share = (float)share_of(n, labels, ignore_index);
}

static void label_share_F64(rt_exec *e, int64_t n, const int64_t *labels, int64_t ignore_index,
                            void *share)
{
    *(double *)share = share_of(n, labels, ignore_index);
}

/* ---- arange ---- */

#define DTYPE(T, name, type, bytes, st)                                                            \
    static void arange_##T(rt_exec *e, int64_t n, double start, double step, void *y)              \
    {                                                                                              \
        enum { PIECE = 512 };                                                                      \
        RT_PARALLEL_FOR(e, piece, rt__ceil_div(n, PIECE), n)                                       \
        {                                                                                          \
            double v[PIECE];                                                                       \
            int64_t begin = piece * PIECE, count = rt__min(PIECE, n - begin);                      \
            for (int64_t i = 0; i < count; i++)                                                    \
                v[i] = start + (double)(begin + i) * step;                                         \
            e->kernels->cast[RT_F64][RT_##T](e, count, v, (char *)y + begin * bytes);              \
        }                                                                                          \
    }
RT_DTYPE_LIST(DTYPE)
#undef DTYPE

/* A step of 2^63 or more wraps around, and so do the sums, back to the right values (-fwrapv). */
static void arange_whole(rt_exec *e, int64_t n, double start, double step, void *y)
{
    int64_t first = (int64_t)start, size = (int64_t)(uint64_t)fabs(step);
    int64_t stride = step < 0 ? -size : size;
    RT_PARALLEL_FOR(e, i, n, n)
    {
        ((int64_t *)y)[i] = first + i * stride;
    }
}

void rt__install_indexing(rt_kernels *k)
{
    k->gather = gather;
#define SUMS(T) k->scatter_add[RT_##T] = scatter_add_##T;
    SUMS(F32)
    SUMS(F64)
    SUMS(I64)
    SUMS(I32)
    SUMS(I16)
    SUMS(I8)
    SUMS(U8)
    SUMS(C64)
    SUMS(C128)
    k->label_share[RT_F32] = label_share_F32;
    k->label_share[RT_F64] = label_share_F64;
#define DTYPE(T, name, type, bytes, st) k->arange[RT_##T] = arange_##T;
    RT_DTYPE_LIST(DTYPE)
#undef DTYPE
    k->arange[RT_I64] = arange_whole;
}
