/* Reference kernels, elementwise part: the formulas of elementwise.def in double precision with
 * libm's functions, one element at a time. Oracle for the vector mathematics. */
#include "kernels/cpu/cpu.h"
#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

#define C(v)         ((double)(v))
#define sel(m, a, b) ((m) ? (a) : (b))
#define abs_(x)      fabs(x)
#define sqrt_(x)     sqrt(x)
#define floor_(x)    floor(x)
#define ceil_(x)     ceil(x)
#define round_(x)    rint(x)
#define exp_(x)      exp(x)
#define expm1_(x)    expm1(x)
#define log_(x)      log(x)
#define log1p_(x)    log1p(x)
#define tanh_(x)     tanh(x)
#define erf_(x)      erf(x)
#define sin_(x)      sin(x)
#define cos_(x)      cos(x)
#define pow_(a, b)   pow(a, b)

/* Declares p, the numbers of a row by their names, rounded as the operands are. */
#define NUMBERS(names)                                                                             \
    RT_NUMBERS_STRUCT names p;                                                                     \
    numbers = rounded(numbers);                                                                    \
    memcpy(&p, &numbers, sizeof p);                                                                \
    (void)p;

static rt_numbers rounded(rt_numbers p)
{
    for (int i = 0; i < RT_NUMBERS; i++)
        p.v[i] = (float)p.v[i];
    return p;
}

/* The kernels of one operand, which may use the numbers of a row by their names. */
#define ONE_OPERAND(name, names, formula, df, ddf)                                                 \
    static void name##_f32(rt_exec *e, rt_numbers numbers, int64_t n, const void *x_, void *y_)    \
    {                                                                                              \
        NUMBERS(names)                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            double x = ((const float *)x_)[i];                                                     \
            ((float *)y_)[i] = (float)(formula);                                                   \
        }                                                                                          \
    }                                                                                              \
    static void name##_dx_f32(rt_exec *e, rt_numbers numbers, int64_t n, const void *dy,           \
                              const void *x_, const void *y_, void *dx)                            \
    {                                                                                              \
        NUMBERS(names)                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            double x = ((const float *)x_)[i], y = ((const float *)y_)[i];                         \
            (void)x, (void)y;                                                                      \
            ((float *)dx)[i] = (float)(((const float *)dy)[i] * (df));                             \
        }                                                                                          \
    }                                                                                              \
    static void name##_dxx_f32(rt_exec *e, rt_numbers numbers, int64_t n, const void *dy_,         \
                               const void *v_, const void *x_, const void *y_, void *dxx)          \
    {                                                                                              \
        const float *dy = dy_, *v = v_;                                                            \
        NUMBERS(names)                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            double x = ((const float *)x_)[i], y = ((const float *)y_)[i];                         \
            (void)x, (void)y;                                                                      \
            ((float *)dxx)[i] = (float)((double)dy[i] * v[i] * (ddf));                             \
        }                                                                                          \
    }
#define UNARY(name, reads, f, df, ddf, lo, hi) ONE_OPERAND(name, (), f, df, ddf)
#define PARAMETRIC(name, numbers, reads, f, df, ddf, tests, lo, hi)                                \
    ONE_OPERAND(name, numbers, f, df, ddf)

/* Element i of the grid, for operand o. */
static int64_t at(const rt_grid *g, int o, int64_t i)
{
    return i / g->cols * g->in[o].row + i % g->cols * g->in[o].col;
}

#define GRID(name, type, wide, out, f)                                                             \
    static void name(rt_exec *e, rt_numbers numbers, const rt_grid *g, const void *a_,             \
                     const void *b_, void *y)                                                      \
    {                                                                                              \
        for (int64_t i = 0; i < g->rows * g->cols; i++) {                                          \
            wide a = (wide)((const type *)a_)[at(g, 0, i)],                                        \
                 b = (wide)((const type *)b_)[at(g, 1, i)];                                        \
            ((out *)y)[i] = (out)(f);                                                              \
        }                                                                                          \
    }

#define BINARY(name, reads, f, da, db) GRID(name##_f32, float, double, float, f)
#define COMPARE(name, f)               GRID(name##_f32, float, float, uint8_t, f)
#define TERNARY(name, names, reads, f, da, db, dc)                                                 \
    static void name##_f32(rt_exec *e, rt_numbers numbers, const rt_grid *g, const void *a_,       \
                           const void *b_, const void *c_, void *y)                                \
    {                                                                                              \
        NUMBERS(names)                                                                             \
        for (int64_t i = 0; i < g->rows * g->cols; i++) {                                          \
            double a = ((const float *)a_)[at(g, 0, i)], b = ((const float *)b_)[at(g, 1, i)],     \
                   c = ((const float *)c_)[at(g, 2, i)];                                           \
            ((float *)y)[i] = (float)(f);                                                          \
        }                                                                                          \
    }

#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef BINARY
#undef TERNARY
#undef COMPARE

void rt__install_ref_elementwise(rt_kernels *k)
{
#define UNARY(name, ...)                                                                           \
    k->name.f[RT_F32] = name##_f32;                                                                \
    k->name.dx[RT_F32] = name##_dx_f32;                                                            \
    k->name.dxx[RT_F32] = name##_dxx_f32;
#define PARAMETRIC(name, ...) UNARY(name)
#define BINARY(name, ...)     k->name.f[RT_F32] = name##_f32;
#define TERNARY(name, ...)    k->name.f[RT_F32] = name##_f32;
#define COMPARE(name, ...)    k->name.f[RT_F32] = name##_f32;
#include "kernels/elementwise.def"
}
