/* Reference kernels: the formulas of elementwise.def in wide precision with libm's functions, one element at a
 * time. They are the oracle for the vector mathematics. The build compiles this file once per element type
 * (element.h). */
#include "kernels/ref/special.h"
#include "kernels/ref/wide.h"
#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

#define C(v)         ((wide)(v))
#define sel(m, a, b) ((m) ? (a) : (b))
#define abs_(x)      WIDE(fabs)(x)
#define sqrt_(x)     WIDE(sqrt)(x)
#define floor_(x)    WIDE(floor)(x)
#define ceil_(x)     WIDE(ceil)(x)
#define round_(x)    WIDE(rint)(x)
#define exp_(x)      WIDE(exp)(x)
#define expm1_(x)    WIDE(expm1)(x)
#define log_(x)      WIDE(log)(x)
#define log1p_(x)    WIDE(log1p)(x)
#define tanh_(x)     WIDE(tanh)(x)
#define silu_(x)     ((x) / (1 + WIDE(exp)(-(x))))
#define mish_(x)     ((x)*WIDE(tanh)(WIDE(log1p)(WIDE(exp)(x))))
#define erf_(x)      WIDE(erf)(x)
#define sin_(x)      WIDE(sin)(x)
#define cos_(x)      WIDE(cos)(x)
#define pow_(a, b)   WIDE(pow)(a, b)
#define trunc_(x)    WIDE(trunc)(x)
#define with_sign    WIDE(copysign)
#define exp2_(x)     WIDE(exp2)(x)
#define log2_(x)     WIDE(log2)(x)
#define log10_(x)    WIDE(log10)(x)
#define tan_(x)      WIDE(tan)(x)
#define asin_(x)     WIDE(asin)(x)
#define acos_(x)     WIDE(acos)(x)
#define atan_(x)     WIDE(atan)(x)
#define atan2_(y, x) WIDE(atan2)(y, x)
#define sinh_(x)     WIDE(sinh)(x)
#define cosh_(x)     WIDE(cosh)(x)
#define asinh_(x)    WIDE(asinh)(x)
#define acosh_(x)    WIDE(acosh)(x)
#define atanh_(x)    WIDE(atanh)(x)
#define erfc_(x)     WIDE(erfc)(x)
#define erfinv_(x)   (wide) rt__erfinv_exact(x)
#define lgamma_(x)   WIDE(lgamma)(x)
#define digamma_(x)  (wide) rt__digamma_exact(x)
#define sinc_(x)     (wide) rt__sinc_exact(x)
#define hypot_(y, x) WIDE(hypot)(y, x)
#define fmod_(a, b)  WIDE(fmod)(a, b)
#define signbit_(x)  (signbit(x) != 0)

/* Declares p, the numbers of a row by name, rounded like the operands. */
#define NUMBERS(names)                                                                             \
    RT_NUMBERS_STRUCT names p;                                                                     \
    numbers = rounded(numbers);                                                                    \
    memcpy(&p, &numbers, sizeof p);                                                                \
    (void)p;

static rt_numbers rounded(rt_numbers p)
{
    for (int i = 0; i < RT_NUMBERS; i++)
        p.v[i] = (T)p.v[i];
    return p;
}

/* The kernels of one operand, which may use the numbers of a row by name. */
#define FUNCTION(name, names, formula)                                                             \
    void KERNEL_NAME(name)(rt_exec * e, rt_numbers numbers, int64_t n, const void *x_, void *y_)   \
    {                                                                                              \
        NUMBERS(names)                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            wide x = ((const T *)x_)[i];                                                           \
            ((T *)y_)[i] = (T)(formula);                                                           \
        }                                                                                          \
    }
#define ONE_OPERAND(name, names, formula, df, ddf)                                                 \
    FUNCTION(name, names, formula)                                                                 \
    void KERNEL_NAME(name##_dx)(rt_exec * e, rt_numbers numbers, int64_t n, const void *dy,        \
                                const void *x_, const void *y_, void *dx)                          \
    {                                                                                              \
        NUMBERS(names)                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            wide x = ((const T *)x_)[i], y = ((const T *)y_)[i];                                   \
            (void)x, (void)y;                                                                      \
            ((T *)dx)[i] = (T)(((const T *)dy)[i] * (df));                                         \
        }                                                                                          \
    }                                                                                              \
    void KERNEL_NAME(name##_dxx)(rt_exec * e, rt_numbers numbers, int64_t n, const void *dy_,      \
                                 const void *v_, const void *x_, const void *y_, void *dxx)        \
    {                                                                                              \
        const T *dy = dy_, *v = v_;                                                                \
        NUMBERS(names)                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            wide x = ((const T *)x_)[i], y = ((const T *)y_)[i];                                   \
            (void)x, (void)y;                                                                      \
            ((T *)dxx)[i] = (T)((wide)dy[i] * v[i] * (ddf));                                       \
        }                                                                                          \
    }
#define UNARY(name, reads, f, df, ddf, lo, hi) ONE_OPERAND(name, (), f, df, ddf)
#define PARAMETRIC(name, numbers, reads, f, df, ddf, tests, lo, hi)                                \
    ONE_OPERAND(name, numbers, f, df, ddf)
#define UNARY_OPS(name, reads, times, f, dx, lo, hi)                      FUNCTION(name, (), f)
#define PARAMETRIC_OPS(name, numbers, reads, times, f, dx, tests, lo, hi) FUNCTION(name, numbers, f)

#define PREDICATE(name, formula, whole)                                                            \
    void KERNEL_NAME(name)(rt_exec * e, rt_numbers numbers, int64_t n, const void *x_, void *y_)   \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            T x = ((const T *)x_)[i];                                                              \
            ((uint8_t *)y_)[i] = formula;                                                          \
        }                                                                                          \
    }

#define GRID(name, type, out, f)                                                                   \
    void KERNEL_NAME(name)(rt_exec * e, rt_numbers numbers, const rt_grid *g, const void *a_,      \
                           const void *b_, void *y)                                                \
    {                                                                                              \
        for (int64_t i = 0; i < rt_grid_count(g); i++) {                                           \
            type a = ((const T *)a_)[rt_grid_place(g, 0, i)];                                      \
            type b = ((const T *)b_)[rt_grid_place(g, 1, i)];                                      \
            ((out *)y)[i] = (out)(f);                                                              \
        }                                                                                          \
    }

#define BINARY(name, reads, times, f, da, db) GRID(name, wide, T, f)
#define COMPARE(name, f)                      GRID(name, T, uint8_t, f)
#define TERNARY(name, first, second, third, names, reads, times, f, d1, d2, d3)                    \
    void KERNEL_NAME(name)(rt_exec * e, rt_numbers numbers, const rt_grid *g, const void *a_,      \
                           const void *b_, const void *c_, void *y)                                \
    {                                                                                              \
        NUMBERS(names)                                                                             \
        for (int64_t i = 0; i < rt_grid_count(g); i++) {                                           \
            wide first = ((const T *)a_)[rt_grid_place(g, 0, i)];                                  \
            wide second = ((const T *)b_)[rt_grid_place(g, 1, i)];                                 \
            wide third = ((const T *)c_)[rt_grid_place(g, 2, i)];                                  \
            ((T *)y)[i] = (T)(f);                                                                  \
        }                                                                                          \
    }

#include "kernels/elementwise.def"
