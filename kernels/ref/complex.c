/* Reference kernels: complex numbers, compiled for the type T of their parts. See kernels/ref/wide.h. The forms of kernels/complex.h are
 * computed one number at a time with the complex functions of C's library in wide precision. */
#include "kernels/complex.h"
#include "kernels/ref/wide.h"
#include <complex.h>
#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */
#pragma GCC diagnostic ignored "-Wunused-function"  /* of forms whose row has not come yet */

#if RT_BITS == 32
#define COMPLEX_NAME(name) KERNEL_NAME_(name, c64, RT_LEVEL)
typedef double _Complex wide_complex;
#else
#define COMPLEX_NAME(name) KERNEL_NAME_(name, c128, RT_LEVEL)
typedef long double _Complex wide_complex;
#endif

/* A complex number, as memory has it and as functions compute it. */
typedef struct pair {
    T re, im;
} pair;
typedef struct cv {
    wide re, im;
} cv;

#define C(v)      ((wide)(v))
#define NUM(name) C(p.name)

static wide_complex number(cv a)
{
    return __builtin_complex(a.re, a.im);
}

static cv parts(wide_complex z)
{
    return (cv){WIDE(creal)(z), WIDE(cimag)(z)};
}

static cv get(const void *x, int64_t i)
{
    const pair *p = (const pair *)x + i;
    return (cv){p->re, p->im};
}

static void put_C(void *y, int64_t i, cv v)
{
    ((pair *)y)[i] = (pair){(T)v.re, (T)v.im};
}

static void put_R(void *y, int64_t i, wide v)
{
    ((T *)y)[i] = (T)v;
}

static void put_BOOL(void *y, int64_t i, bool v)
{
    ((uint8_t *)y)[i] = v;
}

/* ---- the functions of the forms ---- */

#define OF_LIBRARY(name)                                                                           \
    static cv c_##name(cv a)                                                                       \
    {                                                                                              \
        return parts(WIDE(c##name)(number(a)));                                                    \
    }
OF_LIBRARY(sqrt)
OF_LIBRARY(exp)
OF_LIBRARY(log)
OF_LIBRARY(sin)
OF_LIBRARY(cos)
OF_LIBRARY(tan)
OF_LIBRARY(sinh)
OF_LIBRARY(cosh)
OF_LIBRARY(tanh)
OF_LIBRARY(asin)
OF_LIBRARY(acos)
OF_LIBRARY(atan)
OF_LIBRARY(asinh)
OF_LIBRARY(acosh)
OF_LIBRARY(atanh)

static wide c_abs(cv a)
{
    return WIDE(hypot)(a.re, a.im);
}

static cv c_neg(cv a)
{
    return (cv){-a.re, -a.im};
}

static cv c_scale(cv a, wide s)
{
    return (cv){a.re * s, a.im * s};
}

static cv c_add(cv a, cv b)
{
    return (cv){a.re + b.re, a.im + b.im};
}

static cv c_sub(cv a, cv b)
{
    return (cv){a.re - b.re, a.im - b.im};
}

static cv c_mul(cv a, cv b)
{
    return (cv){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static cv c_square(cv a)
{
    return (cv){(a.re - a.im) * (a.re + a.im), 2 * a.re * a.im};
}

static cv c_div(cv a, cv b)
{
    if (b.re == 0 && b.im == 0)
        return (cv){a.re / WIDE(fabs)(b.re), a.im / WIDE(fabs)(b.re)};
    if (WIDE(fabs)(b.im) > WIDE(fabs)(b.re)) { /* a / b = (-ia) / (-ib) */
        a = (cv){a.im, -a.re};
        b = (cv){b.im, -b.re};
    }
    wide ratio = b.im / b.re, below = b.re + b.im * ratio;
    return (cv){(a.re + a.im * ratio) / below, (a.im - a.re * ratio) / below};
}

static cv c_reciprocal(cv a)
{
    return c_div((cv){1, 0}, a);
}

static cv c_sigmoid(cv a)
{
    cv e = c_exp(a.re < 0 ? a : c_neg(a));
    return c_div(a.re < 0 ? e : (cv){1, 0}, c_add((cv){1, 0}, e));
}

static cv c_expm1(cv a)
{
    wide s = WIDE(sin)(a.im / 2);
    cv y = c_exp(a);
    if (WIDE(fabs)(a.re) < 1)
        y.re = WIDE(expm1)(a.re) * WIDE(cos)(a.im) - 2 * s * s;
    else
        y.re -= 1;
    return y;
}

static cv c_log1p(cv a)
{
    cv y = c_log((cv){1 + a.re, a.im});
    if (c_abs(a) < 4 && y.re > -(wide)0.3)
        y.re = WIDE(log1p)(a.re * (2 + a.re) + a.im * a.im) / 2;
    return y;
}

static cv c_lerp(cv a, cv b, cv w)
{
    if (w.re * w.re + w.im * w.im < (wide)0.25)
        return c_add(a, c_mul(w, c_sub(b, a)));
    return c_sub(b, c_mul(c_sub(b, a), (cv){1 - w.re, -w.im}));
}

static cv c_pow(cv a, cv b)
{
    if (b.re == 0 && b.im == 0)
        return (cv){1, 0};
    if (a.re != 0 || a.im != 0)
        return parts(WIDE(cexp)(number(c_mul(b, c_log(a)))));
    return b.re > 0 ? (cv){0, 0} : (cv){b.re < 0 ? INFINITY : NAN, NAN};
}

/* ---- the forms ---- */

#define ONE_OPERAND(name, result, formula, ...)                                                    \
    void COMPLEX_NAME(name)(rt_exec * e, rt_numbers numbers, int64_t n, const void *px, void *py)  \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            cv x = get(px, i);                                                                     \
            put_##result(py, i, formula);                                                          \
        }                                                                                          \
    }
#define UNARY(name, ...)     COMPLEX_FORM(ONE_OPERAND, name)
#define UNARY_OPS(name, ...) UNARY(name)
#define PREDICATE(name, ...) UNARY(name)

#define TWO_OPERANDS(name, result, formula)                                                        \
    void COMPLEX_NAME(name)(rt_exec * e, rt_numbers numbers, const rt_grid *g, const void *pa,     \
                            const void *pb, void *y)                                               \
    {                                                                                              \
        for (int64_t i = 0; i < rt_grid_count(g); i++) {                                           \
            cv a = get(pa, rt_grid_place(g, 0, i)), b = get(pb, rt_grid_place(g, 1, i));           \
            put_##result(y, i, formula);                                                           \
        }                                                                                          \
    }
#define BINARY(name, ...)  COMPLEX_FORM(TWO_OPERANDS, name)
#define COMPARE(name, ...) COMPLEX_FORM(TWO_OPERANDS, name)

#define TERNARY(name, first, second, third, names, ...)                                            \
    COMPLEX_FORM_OF(THREE_OPERANDS, (name, first, second, third, names), COMPLEX_##name)
#define THREE_OPERANDS(row, result, formula) THREE_OPERANDS_OF(formula, SPREAD row)
#define SPREAD(...)                          __VA_ARGS__
#define THREE_OPERANDS_OF(...)               THREE_OPERANDS_IN(__VA_ARGS__)
#define THREE_OPERANDS_IN(formula, name, first, second, third, names)                              \
    void COMPLEX_NAME(name)(rt_exec * e, rt_numbers numbers, const rt_grid *g, const void *p1,     \
                            const void *p2, const void *p3, void *y)                               \
    {                                                                                              \
        RT_NUMBERS_STRUCT names p;                                                                 \
        memcpy(&p, &numbers, sizeof p);                                                            \
        (void)p;                                                                                   \
        for (int64_t i = 0; i < rt_grid_count(g); i++) {                                           \
            cv first = get(p1, rt_grid_place(g, 0, i)), second = get(p2, rt_grid_place(g, 1, i)),  \
               third = get(p3, rt_grid_place(g, 2, i));                                            \
            put_C(y, i, formula);                                                                  \
        }                                                                                          \
    }

#include "kernels/elementwise.def"

/* ---- kernels of complex numbers alone, indexed by the type of the parts ---- */

/* y = the conjugate of x. x, y: [n] complex. */
KERNEL(conj_pairs, FLOATS, (rt_exec *e, int64_t n, const void *x, void *y))
{
    for (int64_t i = 0; i < n; i++) {
        wide re = get(x, i).re, im = get(x, i).im;
        put_C(y, i, (cv){re, -im});
    }
}

/* y = x / |x|, and 0 for 0. x, y: [n] complex. */
KERNEL(sgn_pairs, FLOATS, (rt_exec *e, int64_t n, const void *x, void *y))
{
    for (int64_t i = 0; i < n; i++) {
        wide length = c_abs(get(x, i));
        put_C(y, i, length == 0 ? (cv){0, 0} : (cv){get(x, i).re / length, get(x, i).im / length});
    }
}

/* y = the angle of x, in [-pi, pi]. x: [n] complex, y: [n]. */
KERNEL(angle_pairs, FLOATS, (rt_exec *e, int64_t n, const void *x, void *y))
{
    for (int64_t i = 0; i < n; i++)
        put_R(y, i, WIDE(atan2)(get(x, i).im, get(x, i).re));
}

/* `sum` of complex numbers. */
KERNEL(sum_pairs, FLOATS, (rt_exec *e, rt_fold f, const void *x, void *y))
{
    for (int64_t i = 0; i < f.outer * f.inner; i++) {
        cv sum = {0, 0};
        for (int64_t r = 0; r < f.red; r++)
            sum = c_add(sum, get(x, (i / f.inner * f.red + r) * f.inner + i % f.inner));
        put_C(y, i, sum);
    }
}

static cv dot(const rt_gemm_shape *g, const pair *a, const pair *b, int64_t i, int64_t j)
{
    cv sum = {0, 0};
    for (int64_t p = 0; p < g->k; p++)
        sum = c_add(sum, c_mul(get(a, g->ta ? p * g->lda + i : i * g->lda + p),
                               get(b, g->tb ? j * g->ldb + p : p * g->ldb + j)));
    return c_scale(sum, (T)g->alpha);
}

/* `gemm` of complex numbers; alpha and beta are real. */
KERNEL(gemm_pairs, FLOATS, (rt_exec *e, rt_gemm_shape g, const void *a, const void *b,
                            const void *bias, void *c))
{
    for (int64_t i = 0; i < rt_gemm_count(&g) * g.m; i++) {
        const pair *pa = (const pair *)a + (g.batch ? rt_grid_place(g.batch, 0, i / g.m) : 0);
        const pair *pb = (const pair *)b + (g.batch ? rt_grid_place(g.batch, 1, i / g.m) : 0);
        for (int64_t j = 0; j < g.n; j++) {
            wide beta = (T)g.beta;
            cv sum = dot(&g, pa, pb, i % g.m, j);
            if (beta != 0)
                sum = c_add(sum, c_scale(get(c, i * g.ldc + j), beta));
            put_C(c, i * g.ldc + j, bias ? c_add(sum, get(bias, j)) : sum);
        }
    }
}
