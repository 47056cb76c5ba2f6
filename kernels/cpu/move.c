/* Moving elements without computing: strided copies, fills, selection. One source serves every fast level, by element
 * size. */
#include "kernels/cpu/cpu.h"
#include <string.h>

/* A copy brought to its simplest form: axes of one element dropped, axes that continue each other joined. The
 * innermost axis is done by a loop, the others by counting. */
typedef struct plan {
    int nd; /* at least 1 */
    int64_t dim[RT_KERNEL_DIMS], src[RT_KERNEL_DIMS], dst[RT_KERNEL_DIMS];
    int64_t runs; /* product of all axes but the last */
} plan;

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
    else
        run_uint64_t(n, (const void *)x, src, (void *)y, dst);
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

#define SELECT(type)                                                                               \
    static void select_##type(rt_exec *e, const rt_grid *g, const void *a_, const void *b_,        \
                              const uint8_t *m_, void *y_)                                         \
    {                                                                                              \
        RT_PARALLEL_FOR(e, r, g->rows, g->rows * g->cols)                                          \
        {                                                                                          \
            const type *a = (const type *)a_ + r * g->in[0].row;                                   \
            const type *b = (const type *)b_ + r * g->in[1].row;                                   \
            const uint8_t *m = m_ + r * g->in[2].row;                                              \
            type *y = (type *)y_ + r * g->cols;                                                    \
            for (int64_t c = 0; c < g->cols; c++)                                                  \
                y[c] = m[c * g->in[2].col] ? a[c * g->in[0].col] : b[c * g->in[1].col];            \
        }                                                                                          \
    }
SELECT(uint8_t)
SELECT(uint16_t)
SELECT(uint32_t)
SELECT(uint64_t)

void rt__install_moves(rt_kernels *k)
{
    k->copy = copy;
    k->fill = fill;
    for (rt_dtype t = 0; t < RT_DTYPES; t++) {
        size_t size = rt_dtype_size(t);
        k->select[t] = size == 1   ? select_uint8_t
                       : size == 2 ? select_uint16_t
                       : size == 4 ? select_uint32_t
                                   : select_uint64_t;
    }
}
