/* Reference kernels that move elements of any type. */
#include "kernels/cpu/cpu.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

static void select_any(const rt_grid *g, size_t size, const void *a, const void *b,
                       const uint8_t *mask, char *y)
{
    for (int64_t i = 0; i < g->rows * g->cols; i++) {
        int64_t at[3];
        for (int o = 0; o < 3; o++)
            at[o] = i / g->cols * g->in[o].row + i % g->cols * g->in[o].col;
        const char *from = mask[at[2]] ? (const char *)a + at[0] * (int64_t)size
                                       : (const char *)b + at[1] * (int64_t)size;
        memcpy(y + i * (int64_t)size, from, size);
    }
}

static void copy(rt_exec *e, const rt_strided *s, const void *x, void *y)
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

static void fill(rt_exec *e, int64_t n, size_t size, const void *value, void *y)
{
    for (int64_t i = 0; i < n; i++)
        memcpy((char *)y + i * (int64_t)size, value, size);
}

#define DTYPE(T, name, type, bytes, st)                                                            \
    static void select_##T(rt_exec *e, const rt_grid *g, const void *a, const void *b,             \
                           const uint8_t *mask, void *y)                                           \
    {                                                                                              \
        select_any(g, bytes, a, b, mask, y);                                                       \
    }
RT_DTYPE_LIST(DTYPE)
#undef DTYPE

void rt__install_ref_moves(rt_kernels *k)
{
    k->copy = copy;
    k->fill = fill;
#define DTYPE(T, name, type, bytes, st) k->select[RT_##T] = select_##T;
    RT_DTYPE_LIST(DTYPE)
#undef DTYPE
}
