/* Moves elements without computing: strided copies, fills, selection. One source serves every fast level, by element
 * size. */
#include "kernels/cpu/grid.h"
#include <string.h>

/* A copy in its simplest form: axes of one element dropped, adjacent contiguous axes merged. A loop handles the
 * innermost axis, counters the others. */
typedef struct plan {
    int nd; /* at least 1 */
    int64_t dim[RT_KERNEL_DIMS], src[RT_KERNEL_DIMS], dst[RT_KERNEL_DIMS];
    int64_t runs; /* product of all axes but the last */
} plan;

static void exchange(int64_t *v, int a, int b)
{
    int64_t old = v[a];
    v[a] = v[b];
    v[b] = old;
}

/* Each run of a short innermost axis costs more than its elements: a longer axis along which the source is contiguous takes its
 * place. */
static void lengthen_runs(plan *p)
{
    enum { SHORT = 16 };
    int last = p->nd - 1;
    for (int d = 0; d < last && p->dim[last] < SHORT && p->src[last] != 1; d++)
        if (p->src[d] == 1 && p->dim[d] > p->dim[last]) {
            exchange(p->dim, d, last);
            exchange(p->src, d, last);
            exchange(p->dst, d, last);
        }
}

/* Returns false if there is nothing to copy. */
static bool simplify(const rt_strided *s, plan *p)
{
    *p = (plan){1, {1}, {0}, {0}, 1};
    for (int d = 0; d < s->nd; d++) {
        int last = p->nd - 1;
        if (s->dim[d] <= 0)
            return false;
        if (s->dim[d] == 1)
            continue;
        bool joins = p->src[last] == s->src[d] * s->dim[d] && p->dst[last] == s->dst[d] * s->dim[d];
        if (p->dim[last] == 1)
            p->dim[last] = s->dim[d];
        else if (joins)
            p->dim[last] *= s->dim[d];
        else
            p->dim[last = p->nd++] = s->dim[d];
        p->src[last] = s->src[d];
        p->dst[last] = s->dst[d];
    }
    lengthen_runs(p);
    for (int d = 0; d < p->nd - 1; d++)
        p->runs *= p->dim[d];
    return true;
}

#define STRIDED_RUN(type)                                                                          \
    static void run_##type(int64_t n, const type *x, int64_t src, type *y, int64_t dst)            \
    {                                                                                              \
        if (src == 0 && dst == 1)                                                                  \
            for (int64_t i = 0; i < n; i++)                                                        \
                y[i] = *x;                                                                         \
        else if (src == -1 && dst == 1) /* a loop of its own becomes one of vectors */             \
            for (int64_t i = 0; i < n; i++)                                                        \
                y[i] = x[-i];                                                                      \
        else if (dst == 1)                                                                         \
            for (int64_t i = 0; i < n; i++)                                                        \
                y[i] = x[i * src];                                                                 \
        else                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                        \
                y[i * dst] = x[i * src];                                                           \
    }
STRIDED_RUN(uint8_t)
STRIDED_RUN(uint16_t)
STRIDED_RUN(uint32_t)
STRIDED_RUN(uint64_t)
STRIDED_RUN(rt_16_bytes)

static void copy_run(size_t size, int64_t n, const char *x, int64_t src, char *y, int64_t dst)
{
    if (src == 1 && dst == 1)
        memcpy(y, x, (size_t)n * size);
    else if (size == 1)
        run_uint8_t(n, (const void *)x, src, (void *)y, dst);
    else if (size == 2)
        run_uint16_t(n, (const void *)x, src, (void *)y, dst);
    else if (size == 4)
        run_uint32_t(n, (const void *)x, src, (void *)y, dst);
    else if (size == 8)
        run_uint64_t(n, (const void *)x, src, (void *)y, dst);
    else
        run_rt_16_bytes(n, (const void *)x, src, (void *)y, dst);
}

static void copy(rt_exec *e, const rt_strided *s, const void *x, void *y)
{
    plan p;
    if (!simplify(s, &p))
        return;
    int last = p.nd - 1;
    int64_t size = (int64_t)s->size;
    RT_PARALLEL_FOR_IF(e, r, p.runs, p.runs > 1 && rt__worth_threads(e, p.runs * p.dim[last]))
    {
        int64_t left = r, from = 0, to = 0;
        for (int d = last - 1; d >= 0; d--) {
            from += left % p.dim[d] * p.src[d];
            to += left % p.dim[d] * p.dst[d];
            left /= p.dim[d];
        }
        copy_run(s->size, p.dim[last], (const char *)x + from * size, p.src[last],
                 (char *)y + to * size, p.dst[last]);
    }
}

static void fill(rt_exec *e, int64_t n, size_t size, const void *value, void *y)
{
    enum { PIECE = 65536 };
    RT_PARALLEL_FOR(e, piece, rt__ceil_div(n, PIECE), n)
    {
        int64_t i = piece * PIECE;
        copy_run(size, rt__min(PIECE, n - i), value, 0, (char *)y + i * (int64_t)size, 1);
    }
}

/* Returns x or z. Integers without a branch, which the compiler would put where both are constant. */
#define BLEND(type)                                                                                \
    static inline type blend_##type(uint8_t first, type x, type z)                                 \
    {                                                                                              \
        const type all = (type)(first ? -1 : 0);                                                   \
        return (type)((x & all) | (z & (type)~all));                                               \
    }
BLEND(uint8_t)
BLEND(uint16_t)
BLEND(uint32_t)
BLEND(uint64_t)
static inline rt_16_bytes blend_rt_16_bytes(uint8_t first, rt_16_bytes x, rt_16_bytes z)
{
    return first ? x : z;
}

#define SELECT(type)                                                                               \
    static inline __attribute__((always_inline)) void choose_##type(                               \
        int64_t n, const strip *in, int64_t a_step, int64_t b_step, void *y)                       \
    {                                                                                              \
        const type *a = in[0].x, *b = in[1].x;                                                     \
        const uint8_t *mask = in[2].x;                                                             \
        for (int64_t i = 0, step = in[2].step; i < n; i++) {                                       \
            const type x = a[i * a_step], z = b[i * b_step]; /* both: no branch to mispredict */   \
            ((type *)y)[i] = blend_##type(mask[i * step], x, z);                                   \
        }                                                                                          \
    }                                                                                              \
    static void strip_##type(const rt_numbers *numbers, int64_t n, const strip *in, void *y)       \
    {                                                                                              \
        (void)numbers;                                                                             \
        FOR_STEPS(choose_##type, n, in, y);                                                        \
    }                                                                                              \
    static void select_##type(rt_exec *e, const rt_grid *g, const void *a, const void *b,          \
                              const uint8_t *mask, void *y)                                        \
    {                                                                                              \
        static const strips kernel = {                                                             \
            strip_##type, 3, {sizeof(type), sizeof(type), 1}, sizeof(type)};                       \
        run_grid(e, g, &kernel, NULL, (const void *[]){a, b, mask}, y);                            \
    }
SELECT(uint8_t)
SELECT(uint16_t)
SELECT(uint32_t)
SELECT(uint64_t)
SELECT(rt_16_bytes)

void rt__install_moves(rt_kernels *k)
{
    k->copy = copy;
    k->fill = fill;
    for (rt_dtype t = 0; t < RT_DTYPES; t++) {
        size_t size = rt_dtype_size(t);
        k->select[t] = size == 1   ? select_uint8_t
                       : size == 2 ? select_uint16_t
                       : size == 4 ? select_uint32_t
                       : size == 8 ? select_uint64_t
                                   : select_rt_16_bytes;
    }
}
