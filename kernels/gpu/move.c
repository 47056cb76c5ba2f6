/* Launches copies, fills, selections and conversions. */
#include "kernels/gpu/launch.h"
#include <string.h>

/* Returns the kernel for elements of that size. */
static const char *of_size(const char *const of[5], size_t size)
{
    return of[size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : size == 8 ? 3 : 4];
}

static void copy(rt_exec *e, const rt_strided *s, const void *x, void *y)
{
    static const char *const kernel[] = {"copy_1", "copy_2", "copy_4", "copy_8", "copy_16"};
    copy_args a = {.n = 1, .nd = s->nd};
    for (int d = 0; d < s->nd; d++) {
        a.n *= s->dim[d];
        a.dim[d] = s->dim[d];
        a.src[d] = s->src[d];
        a.dst[d] = s->dst[d];
    }
    int64_t from = rt__gpu_reach(s->nd, s->dim, s->src), to = rt__gpu_reach(s->nd, s->dim, s->dst);
    int64_t extent = from > to ? from : to;
    rt__gpu_launch(e, RT_LAUNCH(move, of_size(kernel, s->size), rt__gpu_groups(a.n), 1, a, x, y),
                   extent > a.n ? extent : a.n);
}

static void fill(rt_exec *e, int64_t n, size_t size, const void *value, void *y)
{
    static const char *const kernel[] = {"fill_1", "fill_2", "fill_4", "fill_8", "fill_16"};
    fill_args a = {.n = n};
    memcpy(&a.value, value, size); /* the low bytes: device and host are both little-endian */
    LAUNCH(e, move, of_size(kernel, size), n, a, y);
}

static void select_of(rt_exec *e, size_t size, const rt_grid *g, const void *a, const void *b,
                      const uint8_t *mask, void *y)
{
    static const char *const kernel[] = {"select_1", "select_2", "select_4", "select_8",
                                         "select_16"};
    LAUNCH_GRID(e, move, of_size(kernel, size), 3, g, (rt_numbers){{0}}, a, b, mask, y);
}

#define DTYPE(T, name, type, bytes, st)                                                            \
    static void select_##T(rt_exec *e, const rt_grid *g, const void *a, const void *b,             \
                           const uint8_t *mask, void *y)                                           \
    {                                                                                              \
        select_of(e, bytes, g, a, b, mask, y);                                                     \
    }
RT_DTYPE_LIST(DTYPE)
#undef DTYPE

static void run_cast(rt_exec *e, const char *kernel, bool needs_double, int64_t n, const void *x,
                     void *y)
{
    elements_args a = {.n = n};
    if (needs_double && !rt__gpu_of(e)->has_double)
        e->missing = "cast";
    else
        LAUNCH(e, move, kernel, n, a, x, y);
}

/* CAST(from, to) for all pairs of different types. */
#define CASTS_FROM(CAST, F, A, B, C, D, E, G, H, I, J, K, L)                                       \
    CAST(F, A)                                                                                     \
    CAST(F, B)                                                                                     \
    CAST(F, C)                                                                                     \
    CAST(F, D) CAST(F, E) CAST(F, G) CAST(F, H) CAST(F, I) CAST(F, J) CAST(F, K) CAST(F, L)
#define CASTS(CAST)                                                                                \
    CASTS_FROM(CAST, F32, F64, I64, I32, I16, I8, U8, BOOL, BF16, F16, C64, C128)                  \
    CASTS_FROM(CAST, F64, F32, I64, I32, I16, I8, U8, BOOL, BF16, F16, C64, C128)                  \
    CASTS_FROM(CAST, I64, F32, F64, I32, I16, I8, U8, BOOL, BF16, F16, C64, C128)                  \
    CASTS_FROM(CAST, I32, F32, F64, I64, I16, I8, U8, BOOL, BF16, F16, C64, C128)                  \
    CASTS_FROM(CAST, I16, F32, F64, I64, I32, I8, U8, BOOL, BF16, F16, C64, C128)                  \
    CASTS_FROM(CAST, I8, F32, F64, I64, I32, I16, U8, BOOL, BF16, F16, C64, C128)                  \
    CASTS_FROM(CAST, U8, F32, F64, I64, I32, I16, I8, BOOL, BF16, F16, C64, C128)                  \
    CASTS_FROM(CAST, BOOL, F32, F64, I64, I32, I16, I8, U8, BF16, F16, C64, C128)                  \
    CASTS_FROM(CAST, BF16, F32, F64, I64, I32, I16, I8, U8, BOOL, F16, C64, C128)                  \
    CASTS_FROM(CAST, F16, F32, F64, I64, I32, I16, I8, U8, BOOL, BF16, C64, C128)                  \
    CASTS_FROM(CAST, C64, F32, F64, I64, I32, I16, I8, U8, BOOL, BF16, F16, C128)                  \
    CASTS_FROM(CAST, C128, F32, F64, I64, I32, I16, I8, U8, BOOL, BF16, F16, C64)
#define IS_DOUBLE(T) (RT_##T == RT_F64 || RT_##T == RT_C128)
#define CAST(F, T)                                                                                 \
    static void F##_to_##T(rt_exec *e, int64_t n, const void *x, void *y)                          \
    {                                                                                              \
        run_cast(e, #F "_to_" #T, IS_DOUBLE(F) || IS_DOUBLE(T), n, x, y);                          \
    }
CASTS(CAST)
#undef CAST

void rt__gpu_install_move(rt_kernels *k)
{
    k->copy = copy;
    k->fill = fill;
#define DTYPE(T, name, type, bytes, st) k->select[RT_##T] = select_##T;
    RT_DTYPE_LIST(DTYPE)
#undef DTYPE
#define CAST(F, T) k->cast[RT_##F][RT_##T] = F##_to_##T;
    CASTS(CAST)
#undef CAST
}
