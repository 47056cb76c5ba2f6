/* Kernels that are the same for real and complex numbers, by the element type: those of complex types are made of others. */
#include "kernels/cpu/cpu.h"

/* A real factor: of twice as many real numbers. */
#define SCALE(name, parts)                                                                         \
    static void name(rt_exec *e, int64_t n, double alpha, const void *x, void *y)                  \
    {                                                                                              \
        e->kernels->scale[parts](e, 2 * n, alpha, x, y);                                           \
    }
SCALE(scale_c64, RT_F32)
SCALE(scale_c128, RT_F64)

/* Running sums: of twice as many columns of real numbers. */
#define CUMSUM(name, parts)                                                                        \
    static void name(rt_exec *e, rt_fold f, bool reverse, const void *x, void *y)                  \
    {                                                                                              \
        f.inner *= 2;                                                                              \
        e->kernels->cumsum[parts](e, f, reverse, x, y);                                            \
    }
CUMSUM(cumsum_c64, RT_F32)
CUMSUM(cumsum_c128, RT_F64)

/* Products one after the other, in double; results are rounded, but not what the next element is multiplied by. */
typedef struct number {
    double re, im;
} number;

static inline number times(number a, number b)
{
    return (number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static inline number plus(number a, number b)
{
    return (number){a.re + b.re, a.im + b.im};
}

/* Kernels along the middle of [outer, red, inner] that step from one element to the next. Element x of a row is at p[2 * x]. */
#define ALONG(name, T, last_only, start, step)                                                     \
    static void name##_row(int64_t red, int64_t apart, bool reverse, const T *pa, const T *pb,     \
                           T *py)                                                                  \
    {                                                                                              \
        number y = {start, 0};                                                                     \
        for (int64_t r = 0; r < red; r++) {                                                        \
            int64_t at = 2 * apart * (reverse ? red - 1 - r : r);                                  \
            const number a = {pa[at], pa[at + 1]}, b = {pb[at], pb[at + 1]};                       \
            (void)b;                                                                               \
            y = step;                                                                              \
            if (last_only)                                                                         \
                continue;                                                                          \
            py[at] = (T)y.re;                                                                      \
            py[at + 1] = (T)y.im;                                                                  \
        }                                                                                          \
        if (last_only) {                                                                           \
            py[0] = (T)y.re;                                                                       \
            py[1] = (T)y.im;                                                                       \
        }                                                                                          \
    }                                                                                              \
    static void name##_rows(rt_exec *e, rt_fold f, bool reverse, const T *a, const T *b, T *y)     \
    {                                                                                              \
        RT_PARALLEL_FOR(e, u, f.outer *f.inner, 4 * f.outer * f.red * f.inner)                     \
        {                                                                                          \
            int64_t at = 2 * (u / f.inner * f.red * f.inner + u % f.inner);                        \
            name##_row(f.red, f.inner, reverse, a + at, b + at, y + (last_only ? 2 * u : at));     \
        }                                                                                          \
    }
#define ALONG_BOTH(name, last_only, start, step)                                                   \
    ALONG(name##_c64, float, last_only, start, step)                                               \
    ALONG(name##_c128, double, last_only, start, step)
ALONG_BOTH(prod, true, 1, times(y, a))
ALONG_BOTH(cumprod, false, 1, times(y, a))
ALONG_BOTH(recurrence, false, 0, plus(times(y, a), b))

#define SCANS(suffix)                                                                              \
    static void prod_of_##suffix(rt_exec *e, rt_fold f, const void *x, void *y)                    \
    {                                                                                              \
        prod_##suffix##_rows(e, f, false, x, x, y);                                                \
    }                                                                                              \
    static void cumprod_of_##suffix(rt_exec *e, rt_fold f, bool reverse, const void *x, void *y)   \
    {                                                                                              \
        cumprod_##suffix##_rows(e, f, reverse, x, x, y);                                           \
    }                                                                                              \
    static void recurrence_of_##suffix(rt_exec *e, rt_fold f, bool reverse, const void *a,         \
                                       const void *b, void *y)                                     \
    {                                                                                              \
        recurrence_##suffix##_rows(e, f, reverse, a, b, y);                                        \
    }
SCANS(c64)
SCANS(c128)

void rt__install_complex(rt_kernels *k)
{
    k->scale[RT_C64] = scale_c64;
    k->scale[RT_C128] = scale_c128;
    k->cumsum[RT_C64] = cumsum_c64;
    k->cumsum[RT_C128] = cumsum_c128;
    k->prod[RT_C64] = prod_of_c64;
    k->prod[RT_C128] = prod_of_c128;
    k->cumprod[RT_C64] = cumprod_of_c64;
    k->cumprod[RT_C128] = cumprod_of_c128;
    k->recurrence[RT_C64] = recurrence_of_c64;
    k->recurrence[RT_C128] = recurrence_of_c128;
    k->sum[RT_C64] = k->sum_pairs[RT_F32];
    k->sum[RT_C128] = k->sum_pairs[RT_F64];
    k->gemm[RT_C64] = k->gemm_pairs[RT_F32];
    k->gemm[RT_C128] = k->gemm_pairs[RT_F64];
}
