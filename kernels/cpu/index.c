/* Elements selected by an index, and related kernels: one source for every level. A grid is processed in runs, the rows along its
 * last axis. */
#include "common/base/error.h"
#include "kernels/cpu/cpu.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* A part of a grid: all of it, or some indices of one axis. `of` has the sizes of the part. */
typedef struct part {
    rt_pick of;
    /* strides of the grid's elements, which are contiguous in the whole grid */
    int64_t apart[RT_KERNEL_DIMS];
} part;

/* Where a run of a grid begins: in the index, in x before adding the index, and among the elements of the grid. */
typedef struct place {
    int64_t index, x, y;
} place;

static part whole_of(const rt_pick *p)
{
    part w = {.of = *p};
    int64_t n = 1;
    for (int d = p->nd - 1; d >= 0; d--) {
        w.apart[d] = n;
        n *= p->dim[d];
    }
    return w;
}

static place run_begin(const part *w, int64_t r)
{
    const rt_pick *p = &w->of;
    place b = {0, 0, 0};
    for (int d = p->nd - 2; d >= 0; d--) {
        int64_t i = d > 0 ? r % p->dim[d] : r; /* a division costs as much as a short row */
        b.index += i * p->at[d];
        b.x += i * p->stride[d];
        b.y += i * w->apart[d];
        r /= p->dim[d];
    }
    return b;
}

/* Returns the indices from begin on, n at most, of an axis of a grid, and sets where they begin. */
static part part_of(const part *w, int d, int64_t begin, int64_t n, place *b)
{
    part t = *w;
    t.of.dim[d] = rt__min(n, w->of.dim[d] - begin);
    *b = (place){begin * w->of.at[d], begin * w->of.stride[d], begin * w->apart[d]};
    return t;
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
    part w = whole_of(p);
    for (int64_t r = 0, runs = runs_of(p); r < runs; r++) {
        int64_t at = run_begin(&w, r).index;
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

enum { PIECE = 16384 };

/* Runs are cut into pieces, because there may be only one. */
static void gather(rt_exec *e, const rt_pick *p, const void *x, const int64_t *index, void *y)
{
    part w = whole_of(p);
    int last = p->nd - 1;
    int64_t runs = runs_of(p), len = p->dim[last], bytes = (int64_t)p->bytes;
    int64_t pieces = rt__ceil_div(len, PIECE), units = runs * pieces;
    atomic_bool all = true;
    bool threads = units > 1 && rt__worth_threads(e, runs * len);
    if (pieces == 1 && p->at[last] == 0 && p->stride[last] == 1)
        RT_PARALLEL_FOR_IF(e, r, runs, threads) /* rows, which may be short */
        {
            place b = run_begin(&w, r);
            if (!copy_row(p, (const char *)x + b.x * bytes, index[b.index],
                          (char *)y + b.y * bytes))
                atomic_store_explicit(&all, false, memory_order_relaxed);
        }
    else
        RT_PARALLEL_FOR_IF(e, u, units, threads)
        {
            place b = run_begin(&w, u / pieces), c;
            part t = part_of(&w, last, u % pieces * PIECE, PIECE, &c);
            if (!gather_run(&t.of, (const char *)x + (b.x + c.x) * bytes, index + b.index + c.index,
                            (char *)y + (b.y + c.y) * bytes))
                atomic_store_explicit(&all, false, memory_order_relaxed);
        }
    if (!all)
        refuse_first(p, index);
}

/* ---- scatter ----
 * The elements of a grid that differ in an axis along which x advances by itself never meet in x. The grid is cut along such an axis, if
 * it has one, and the order of those that may meet stays. Without one, a single thread does it all. */

typedef bool scatter_part(const part *w, const char *y, const int64_t *index, char *x);

/* Returns the axis to cut: the longest one along which x advances; -1: there is none. */
static int axis_to_cut(const rt_pick *p)
{
    int axis = -1;
    for (int d = p->nd - 1; d >= 0; d--)
        if (p->stride[d] != 0 && (axis < 0 || p->dim[d] > p->dim[axis]))
            axis = d;
    return axis;
}

static void scatter_grid(rt_exec *e, const rt_pick *p, const void *y, const int64_t *index, void *x,
                         scatter_part *run)
{
    enum { PARTS = 16, LEAST = 32 }; /* elements that a part of the last axis has at least */
    part w = whole_of(p);
    int axis = axis_to_cut(p);
    int64_t bytes = (int64_t)p->bytes, size = axis < 0 ? 0 : p->dim[axis];
    int64_t work = size > 0 ? w.apart[0] * p->dim[0] : 0;
    int64_t n = rt__max(rt__ceil_div(size, PARTS), axis == p->nd - 1 ? LEAST : 1);
    atomic_bool all = true;
    if (axis < 0 || n >= size || !rt__worth_threads(e, work))
        all = run(&w, y, index, x);
    else
        RT_PARALLEL_FOR_IF(e, u, rt__ceil_div(size, n), true)
        {
            place b;
            part t = part_of(&w, axis, u * n, n, &b);
            if (!run(&t, (const char *)y + b.y * bytes, index + b.index, (char *)x + b.x * bytes))
                atomic_store_explicit(&all, false, memory_order_relaxed);
        }
    if (!all)
        refuse_first(p, index);
}

#define SCATTER(name, type, joined)                                                                \
    static bool name##_run(const rt_pick *p, const type *y, const int64_t *index, type *x)         \
    {                                                                                              \
        int last = p->nd - 1;                                                                      \
        int64_t n = p->dim[last], at = p->at[last], stride = p->stride[last];                      \
        bool all = true;                                                                           \
        if (at == 0 && fits(p, *index)) { /* one index: a row of a table */                        \
            x += *index * p->step;                                                                 \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const type v = y[i], old __attribute__((unused)) = x[i * stride];                  \
                x[i * stride] = joined;                                                            \
            }                                                                                      \
            return true;                                                                           \
        }                                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t k = index[i * at];                                                             \
            if (fits(p, k)) {                                                                      \
                type *to = &x[i * stride + k * p->step];                                           \
                const type v = y[i], old __attribute__((unused)) = *to;                            \
                *to = joined;                                                                      \
            } else                                                                                 \
                all = false;                                                                       \
        }                                                                                          \
        return all;                                                                                \
    }                                                                                              \
    static bool name##_part(const part *w, const char *y, const int64_t *index, char *x)           \
    {                                                                                              \
        bool all = true;                                                                           \
        for (int64_t r = 0, runs = runs_of(&w->of); r < runs; r++) {                               \
            place b = run_begin(w, r);                                                             \
            all &= name##_run(&w->of, (const type *)y + b.y, index + b.index, (type *)x + b.x);    \
        }                                                                                          \
        return all;                                                                                \
    }
#define SCATTER_JOINED(name, T, type, joined)                                                      \
    SCATTER(name##_##T, type, (type)(joined))                                                      \
    static void name##_##T(rt_exec *e, const rt_pick *p, const void *y, const int64_t *index,      \
                           void *x)                                                                \
    {                                                                                              \
        scatter_grid(e, p, y, index, x, name##_##T##_part);                                        \
    }
#define NUMERIC(EACH, name, what)                                                                  \
    EACH(name, F32, float, what)                                                                   \
    EACH(name, F64, double, what)                                                                  \
    EACH(name, I64, int64_t, what)                                                                 \
    EACH(name, I32, int32_t, what)                                                                 \
    EACH(name, I16, int16_t, what)                                                                 \
    EACH(name, I8, int8_t, what)                                                                   \
    EACH(name, U8, uint8_t, what)                                                                  \
    EACH(name, C64, float _Complex, what)                                                          \
    EACH(name, C128, double _Complex, what)
NUMERIC(SCATTER_JOINED, scatter_add, old + v)
NUMERIC(SCATTER_JOINED, scatter_mul, old *v)
NUMERIC(SCATTER_JOINED, scatter_max, __real__ v > __real__ old || v != v ? v : old)
NUMERIC(SCATTER_JOINED, scatter_min, __real__ v < __real__ old || v != v ? v : old)

SCATTER(move_1, uint8_t, v)
SCATTER(move_2, uint16_t, v)
SCATTER(move_4, uint32_t, v)
SCATTER(move_8, uint64_t, v)
SCATTER(move_16, rt_16_bytes, v)

static void scatter(rt_exec *e, const rt_pick *p, const void *y, const int64_t *index, void *x)
{
    scatter_part *run = p->bytes == 1   ? move_1_part
                        : p->bytes == 2 ? move_2_part
                        : p->bytes == 4 ? move_4_part
                        : p->bytes == 8 ? move_8_part
                                        : move_16_part;
    scatter_grid(e, p, y, index, x, run);
}

/* ---- flat indices ---- */

static void index_offsets(rt_exec *e, int64_t n, int64_t size, int64_t stride, bool add,
                          const int64_t *index, int64_t *at)
{
    atomic_bool all = true;
    RT_PARALLEL_FOR(e, piece, rt__ceil_div(n, PIECE), n)
    {
        int64_t end = rt__min(n, (piece + 1) * PIECE);
        bool fit = true;
        for (int64_t i = piece * PIECE; i < end; i++) {
            int64_t k = index[i] + (index[i] < 0 ? size : 0);
            fit &= (uint64_t)k < (uint64_t)size;
            at[i] = (add ? at[i] : 0) + stride * k;
        }
        if (!fit)
            atomic_store_explicit(&all, false, memory_order_relaxed);
    }
    for (int64_t i = 0; i < n && !all; i++)
        if (index[i] < -size || index[i] >= size) {
            RT_FAIL(RANGE, "index %lld at element %lld, expected %lld to %lld", (long long)index[i],
                    (long long)i, -(long long)size, (long long)size - 1);
            return;
        }
}

/* ---- searchsorted ---- */

/* Halves the range that is left, without a branch on its contents. */
#define SEARCH(name, T, type, unused)                                                              \
    static int64_t name##_in_##T(int64_t n, const type *row, type v, bool right)                   \
    {                                                                                              \
        int64_t begin = 0;                                                                         \
        while (n > 0) {                                                                            \
            int64_t half = n / 2;                                                                  \
            const type x = row[begin + half];                                                      \
            bool after = right ? !(__real__ x > __real__ v) : !(__real__ x >= __real__ v);         \
            begin = after ? begin + half + 1 : begin;                                              \
            n = after ? n - half - 1 : half;                                                       \
        }                                                                                          \
        return begin;                                                                              \
    }                                                                                              \
    static void name##_##T(rt_exec *e, rt_rows rows, int64_t m, bool right, const void *sorted,    \
                           const void *y, int64_t *at)                                             \
    {                                                                                              \
        RT_PARALLEL_FOR(e, i, rows.n *m, rows.n *m * 8)                                            \
        {                                                                                          \
            at[i] = name##_in_##T(rows.len, (const type *)sorted + i / m * rows.len,               \
                                  ((const type *)y)[i], right);                                    \
        }                                                                                          \
    }
NUMERIC(SEARCH, searchsorted, 0)

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

/* Places are exact as doubles, so the sum of two is as well; most processors convert many int32 at once, but not int64. */
#define DTYPE(T, name, type, bytes, st)                                                            \
    static void arange_##T(rt_exec *e, int64_t n, double start, double step, void *y)              \
    {                                                                                              \
        enum { BLOCK = 512 };                                                                      \
        RT_PARALLEL_FOR(e, block, rt__ceil_div(n, BLOCK), n)                                       \
        {                                                                                          \
            double v[BLOCK], first = (double)(block * BLOCK);                                      \
            int64_t begin = block * BLOCK;                                                         \
            int count = (int)rt__min(BLOCK, n - begin);                                            \
            for (int i = 0; i < count; i++)                                                        \
                v[i] = start + (first + i) * step;                                                 \
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
    k->scatter = scatter;
    k->index_offsets = index_offsets;
#define INSTALL(name, T, type, unused) k->name[RT_##T] = name##_##T;
    NUMERIC(INSTALL, scatter_add, 0)
    NUMERIC(INSTALL, scatter_mul, 0)
    NUMERIC(INSTALL, scatter_max, 0)
    NUMERIC(INSTALL, scatter_min, 0)
    NUMERIC(INSTALL, searchsorted, 0)
    k->label_share[RT_F32] = label_share_F32;
    k->label_share[RT_F64] = label_share_F64;
#define DTYPE(T, name, type, bytes, st) k->arange[RT_##T] = arange_##T;
    RT_DTYPE_LIST(DTYPE)
#undef DTYPE
    k->arange[RT_I64] = arange_whole;
}
