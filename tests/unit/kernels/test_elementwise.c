/* Tests of the rows of elementwise.def: derivatives compared with finite differences of the formulas, every level
 * compared with the reference on ordinary and special values, lengths around the vector width, int64 rows, and
 * conversions. */
#include "kernels/kernels.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The formulas in double precision. */
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
#define silu_(x)     ((x) / (1 + exp(-(x))))
#define mish_(x)     ((x)*tanh(log1p(exp(x))))
#define erf_(x)      erf(x)
#define sin_(x)      sin(x)
#define cos_(x)      cos(x)
#define trunc_(x)    trunc(x)

typedef struct row {
    const char *name;
    double (*f)(double x), (*df)(double x), (*ddf)(double x); /* NULL: no kernels of derivatives */
    double lo, hi;
    size_t kernel;
    rt_numbers p;
} row;

#define BARE(...) __VA_ARGS__
#define FORMULAS(name, NAMES, formula, d, dd)                                                      \
    static double f_##name(double x)                                                               \
    {                                                                                              \
        NAMES return formula;                                                                      \
    }                                                                                              \
    static double df_##name(double x)                                                              \
    {                                                                                              \
        double y = f_##name(x);                                                                    \
        (void)x, (void)y;                                                                          \
        NAMES return d;                                                                            \
    }                                                                                              \
    static double ddf_##name(double x)                                                             \
    {                                                                                              \
        double y = f_##name(x);                                                                    \
        (void)x, (void)y;                                                                          \
        NAMES return dd;                                                                           \
    }
#define NOTHING
#define NUMBERS(names, tests)                                                                      \
    const RT_NUMBERS_STRUCT names p = {BARE tests};                                                \
    (void)p;
#define UNARY(name, reads, formula, d, dd, lo, hi) FORMULAS(name, NOTHING, formula, d, dd)
#define PARAMETRIC(name, names, reads, formula, d, dd, tests, lo, hi)                              \
    FORMULAS(name, NUMBERS(names, tests), formula, d, dd)
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC

static const row rows[] = {
#define UNARY(name, reads, formula, d, dd, lo, hi)                                                 \
    {#name, f_##name, df_##name, ddf_##name, lo, hi, offsetof(rt_kernels, name), {{0}}},
#define PARAMETRIC(name, names, reads, formula, d, dd, tests, lo, hi)                              \
    {#name, f_##name, df_##name, ddf_##name, lo, hi, offsetof(rt_kernels, name), {{BARE tests}}},
#define UNARY_OPS(name, reads, times, formula, dx, lo, hi)                                         \
    {#name, NULL, NULL, NULL, lo, hi, offsetof(rt_kernels, name), {{0}}},
#define PARAMETRIC_OPS(name, names, reads, times, formula, dx, tests, lo, hi)                      \
    {#name, NULL, NULL, NULL, lo, hi, offsetof(rt_kernels, name), {{BARE tests}}},
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
};
enum { ROWS = sizeof rows / sizeof *rows };

static const rt_unary_kernels *kernels_of(const char *level, const row *r)
{
    const rt_kernels *k = rt_kernels_level(level);
    assert_non_null(k);
    return (const rt_unary_kernels *)((const char *)k + r->kernel);
}

static void run_f(const char *level, const row *r, int64_t n, const float *px, float *py)
{
    kernels_of(level, r)->f[RT_F32](rt_exec_cpu(), r->p, n, px, py);
}

static void run_dx(const char *level, const row *r, int64_t n, const float *pdy, const float *px,
                   const float *py, float *dx)
{
    kernels_of(level, r)->dx[RT_F32](rt_exec_cpu(), r->p, n, pdy, px, py, dx);
}

static void run_dxx(const char *level, const row *r, int64_t n, const float *pdy, const float *pv,
                    const float *px, const float *py, float *dxx)
{
    kernels_of(level, r)->dxx[RT_F32](rt_exec_cpu(), r->p, n, pdy, pv, px, py, dxx);
}

/* Runs f for every level but ref. */
static void for_levels(void (*f)(const char *level, const row *r), const row *r)
{
    char levels[64], *rest = NULL;
    snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
    for (char *l = strtok_r(levels, " ", &rest); l; l = strtok_r(NULL, " ", &rest))
        if (strcmp(l, "ref") != 0)
            f(l, r);
}

static void check_derivative(const row *r, const char *what, double (*f)(double),
                             double (*df)(double), double x)
{
    double h = 1e-5, slope = (f(x + h) - f(x - h)) / (2 * h), claim = df(x);
    if (fabs(slope - claim) > 1e-6 * (1 + fabs(slope)))
        fail_msg("%s: %s at %g is given as %.9g, differences say %.9g", r->name, what, x, claim,
                 slope);
}

static void test_derivatives(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; rows[i].f && j < 100; j++) { /* none of these points is a kink or a jump */
            double x = rows[i].lo + (rows[i].hi - rows[i].lo) * (j + 0.371) / 100;
            check_derivative(&rows[i], "f'", rows[i].f, rows[i].df, x);
            check_derivative(&rows[i], "f''", rows[i].df, rows[i].ddf, x);
        }
}

static void check_close(const row *r, const char *level, const char *what, int64_t n,
                        const float *x, const float *got, const float *want)
{
    for (int64_t i = 0; i < n; i++) {
        /* 1 + erf and the like lose digits where the result is small against x. */
        double room = 2e-6 * fabs(want[i]) + 3e-7 * fmax(1, fmin(fabs(x[i]), 100));
        if (got[i] == want[i] || (isnan(got[i]) && isnan(want[i])) ||
            fabs((double)got[i] - want[i]) <= room)
            continue;
        fail_msg("%s on %s: %s at %.9g: %.9g, expected %.9g", r->name, level, what, x[i], got[i],
                 want[i]);
    }
}

enum { N = 40000 };
static float x[N], y[N], dy[N], v[N], got[N + 1], want[N];

/* A different number each time, evenly spread over [0, 1): multiples of the golden ratio. */
static float next_number(void)
{
    static double at;
    at = fmod(at + 0.61803398874989485, 1);
    return (float)at;
}

/* Of the numbers that check_values has drawn. */
static void check_derivatives(const char *level, const row *r)
{
    run_dx("ref", r, N, dy, x, y, want);
    run_dx(level, r, N, dy, x, y, got);
    check_close(r, level, "dx", N, x, got, want);
    run_dxx("ref", r, N, dy, v, x, y, want);
    run_dxx(level, r, N, dy, v, x, y, got);
    check_close(r, level, "dxx", N, x, got, want);
    if (!strcmp(level, "avx512")) { /* the same bits as avx2 */
        run_dxx("avx2", r, N, dy, v, x, y, want);
        assert_memory_equal(got, want, N * sizeof *got);
    }
}

static void check_values(const char *level, const row *r)
{
    for (int i = 0; i < N; i++) {
        x[i] = (float)(r->lo + (r->hi - r->lo) * next_number());
        dy[i] = next_number() - 0.5f;
        v[i] = next_number() - 0.5f;
    }
    run_f("ref", r, N, x, y);
    run_f(level, r, N, x, got);
    check_close(r, level, "f", N, x, got, y);
    if (r->f)
        check_derivatives(level, r);
    if (!strcmp(level, "avx512")) { /* the same bits as avx2 */
        run_f("avx2", r, N, x, want);
        run_f(level, r, N, x, got);
        assert_memory_equal(got, want, N * sizeof *got);
    }
}

static void check_specials(const char *level, const row *r)
{
    static const float special[] = {0,    -0.0f,     1,          -1,       INFINITY,  -INFINITY,
                                    NAN,  0x1p-149f, -0x1p-149f, 0x1p127f, -0x1p127f, 0x1.8p1f,
                                    2.5f, -2.5f,     -0.5f,      200,      -200,      8e6f};
    enum { SPECIAL = sizeof special / sizeof *special };
    run_f("ref", r, SPECIAL, special, want);
    run_f(level, r, SPECIAL, special, got);
    check_close(r, level, "f", SPECIAL, special, got, want);
    for (int i = 0; i < SPECIAL; i++)
        if (isnan(special[i]) && !isnan(got[i]) && strcmp(r->name, "sign") != 0 &&
            strcmp(r->name, "replace_nonfinite") != 0)
            fail_msg("%s on %s: NaN gives %g", r->name, level, got[i]);
}

/* Checks every length up to several vectors, also in place: elements after the end stay unchanged, and the others equal
 * those of a long run. */
static void check_lengths(const char *level, const row *r)
{
    run_f(level, r, N, x, want);
    for (int64_t n = 0; n < 70; n++) {
        got[n] = 42;
        memcpy(got, x, (size_t)n * sizeof *x);
        run_f(level, r, n, got, got);
        assert_memory_equal(got, want, (size_t)n * sizeof *want);
        assert_true(got[n] == 42);
    }
}

static void test_values(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        for_levels(check_values, &rows[i]);
        for_levels(check_specials, &rows[i]);
        for_levels(check_lengths, &rows[i]);
    }
}

/* ---- NaN in rows of two operands ---- */

#undef UNARY_OPS
#undef PARAMETRIC_OPS
#define BINARY(name, ...) {#name, offsetof(rt_kernels, name)},
static const struct {
    const char *name;
    size_t kernel;
} of_two[] = {
#include "kernels/elementwise.def"
};
#undef BINARY

/* Returns whether a NaN may get lost: fmax and fmin are for that, pow(x, 0) is 1, and some do not look at an operand. */
static bool may_lose_nan(const char *name, float a, float b)
{
    if (strcmp(name, "pow") == 0)
        return b == 0;
    if (strcmp(name, "copysign") == 0)
        return !isnan(a);
    if (strcmp(name, "leaky_relu_by") == 0)
        return a > 0;
    return strcmp(name, "above") == 0 ||
           ((strcmp(name, "fmax") == 0 || strcmp(name, "fmin") == 0) && !(isnan(a) && isnan(b)));
}

static void test_nan_of_two(void **state)
{
    (void)state;
    enum { PAIRS = 6 };
    const float a[PAIRS] = {NAN, 0, 0.5f, NAN, NAN, NAN}, b[PAIRS] = {0.5f, NAN, NAN, 0, NAN, -2};
    rt_grid g = {1, {PAIRS}, {{1}, {1}}};
    char text[64];
    snprintf(text, sizeof text, "%s", rt_kernels_levels());
    for (char *rest = text, *level; (level = strsep(&rest, " "));)
        for (size_t i = 0; i < sizeof of_two / sizeof *of_two; i++) {
            const rt_kernels *k = rt_kernels_level(level);
            rt_binary_fn *const *f = (const void *)((const char *)k + of_two[i].kernel);
            f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, &g, a, b, got);
            for (int j = 0; j < PAIRS; j++)
                if (!isnan(got[j]) && !may_lose_nan(of_two[i].name, a[j], b[j]))
                    fail_msg("%s on %s: %g of %g and %g", of_two[i].name, level, got[j], a[j],
                             b[j]);
        }
}

/* lerp ends with exactly b, however far a is. */
static void test_lerp_to_the_end(void **state)
{
    (void)state;
    const float a[] = {1e8f, -3e7f, 0.3f}, b[] = {1, 0.1f, -1e9f}, w[] = {1, 1, 1};
    rt_grid g = {1, {3}, {{1}, {1}, {1}}};
    char text[64];
    snprintf(text, sizeof text, "%s", rt_kernels_levels());
    for (char *rest = text, *level; (level = strsep(&rest, " "));) {
        const rt_kernels *k = rt_kernels_level(level);
        k->lerp.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, &g, a, b, w, got);
        assert_memory_equal(got, b, sizeof b);
    }
}

static void test_int64(void **state)
{
    (void)state;
    const rt_kernels *k = rt_kernels_cpu();
    int64_t a[] = {7, -7, INT64_MIN, INT64_MAX, 5}, b[] = {2, 2, -1, 1, 5}, c[5];
    uint8_t less[5];
    rt_grid g = {1, {5}, {{1}, {1}}};
    k->add.f[RT_I64](rt_exec_cpu(), (rt_numbers){{0}}, &g, a, b, c);
    assert_true(c[0] == 9 && c[1] == -5 && c[2] == INT64_MAX && c[3] == INT64_MIN);
    k->sub.f[RT_I64](rt_exec_cpu(), (rt_numbers){{0}}, &g, a, b, c);
    assert_true(c[0] == 5 && c[1] == -9 && c[4] == 0);
    k->mul.f[RT_I64](rt_exec_cpu(), (rt_numbers){{0}}, &g, a, b, c);
    assert_true(c[0] == 14 && c[1] == -14 && c[2] == INT64_MIN);
    k->div_trunc.f[RT_I64](rt_exec_cpu(), (rt_numbers){{0}}, &g, a, b, c);
    assert_true(c[0] == 3 && c[1] == -3 && c[2] == INT64_MIN && c[4] == 1);
    k->maximum.f[RT_I64](rt_exec_cpu(), (rt_numbers){{0}}, &g, a, b, c);
    assert_true(c[0] == 7 && c[1] == 2 && c[2] == -1);
    k->minimum.f[RT_I64](rt_exec_cpu(), (rt_numbers){{0}}, &g, a, b, c);
    assert_true(c[0] == 2 && c[1] == -7 && c[3] == 1);
    k->lt.f[RT_I64](rt_exec_cpu(), (rt_numbers){{0}}, &g, a, b, less);
    assert_true(!less[0] && less[1] && less[2] && !less[3] && !less[4]);
    k->abs.f[RT_I64](rt_exec_cpu(), (rt_numbers){{0}}, 5, a, c);
    assert_true(c[1] == 7 && c[3] == INT64_MAX);
    k->neg.f[RT_I64](rt_exec_cpu(), (rt_numbers){{0}}, 5, a, c);
    assert_true(c[0] == -7 && c[1] == 7);
    int64_t zero = 0;
    rt_grid scalar = {1, {5}, {{1}, {0}}};
    k->div_trunc.f[RT_I64](rt_exec_cpu(), (rt_numbers){{0}}, &scalar, a, &zero, c);
    assert_int_equal(rt_error_code(), RT_E_RANGE);
    rt_error_clear();
}

/* Every half is unchanged after conversion to float32 and back; floats between two halves are rounded to the nearer
 * one, and halfway to the even one. */
static void check_halves(const rt_kernels *k, rt_dtype half, float (*value)(uint16_t h))
{
    enum { ALL = 1 << 16 };
    static uint16_t h[ALL], back[ALL];
    static float f[ALL];
    for (int i = 0; i < ALL; i++)
        h[i] = (uint16_t)i;
    k->cast[half][RT_F32](rt_exec_cpu(), ALL, h, f);
    k->cast[RT_F32][half](rt_exec_cpu(), ALL, f, back);
    for (int i = 0; i < ALL; i++) {
        float exact = value(h[i]);
        assert_true(exact != exact ? f[i] != f[i]
                                   : f[i] == exact && signbit(f[i]) == signbit(exact));
        assert_true(f[i] != f[i] || back[i] == h[i]);
    }
    for (int i = 0; i + 1 < ALL / 2; i++) { /* positive ones, in order of size */
        float middle = f[i] / 2 + f[i + 1] / 2,
              near[3] = {nextafterf(middle, 0), middle, nextafterf(middle, INFINITY)};
        if (!isfinite(f[i + 1]) || middle == 0)
            continue;
        k->cast[RT_F32][half](rt_exec_cpu(), 3, near, back);
        assert_int_equal(back[0], h[i]);
        assert_int_equal(back[1], h[i] + (h[i] & 1));
        assert_int_equal(back[2], h[i + 1]);
    }
}

/* Computes a half's value by its definition. */
static float value_of(uint16_t h, int fraction_bits, int bias)
{
    int exponent = (h & 0x7fff) >> fraction_bits, most = 0x7fff >> fraction_bits,
        fraction = h & ((1 << fraction_bits) - 1);
    float sign = h & 0x8000 ? -1 : 1;
    if (exponent == most)
        return fraction ? NAN : sign * INFINITY;
    int whole = exponent ? fraction | 1 << fraction_bits : fraction;
    return sign * (float)ldexp(whole, (exponent ? exponent : 1) - bias - fraction_bits);
}

static float value_of_f16(uint16_t h)
{
    return value_of(h, 10, 15);
}

static float value_of_bf16(uint16_t h)
{
    return value_of(h, 7, 127);
}

static void test_halves(void **state)
{
    (void)state;
    const rt_kernels *k = rt_kernels_cpu();
    uint16_t to[4];
    check_halves(k, RT_F16, value_of_f16);
    check_halves(k, RT_BF16, value_of_bf16);
    k->cast[RT_F32][RT_F16](rt_exec_cpu(), 4, (const float[]){65504, 65519.996f, 65520, -1e30f},
                            to);
    assert_true(to[0] == 0x7bff && to[1] == 0x7bff && to[2] == 0x7c00 && to[3] == 0xfc00);
    k->cast[RT_F32][RT_BF16](rt_exec_cpu(), 2, (const float[]){3.4e38f, NAN}, to);
    assert_true(to[0] == 0x7f80 && to[1] != 0x7f80 && (to[1] & 0x7f80) == 0x7f80);
}

/* Values outside of the integer type become its nearest value, on every level and exactly at the borders too: the
 * processor's own instruction would give INT_MIN for all of them. */
static void check_saturation(const rt_kernels *k)
{
    enum { CASES = 10 };
    const float f[CASES] = {0x1p31f,   -0x1p31f, 0x1.fffffep30f, -0x1.000002p31f, INFINITY,
                            -INFINITY, NAN,      -NAN,           0x1p63f,         -0x1.000002p63f};
    const int32_t expected[CASES] = {INT32_MAX, INT32_MIN, 0x7fffff80, INT32_MIN, INT32_MAX,
                                     INT32_MIN, 0,         0,          INT32_MAX, INT32_MIN};
    const double d[4] = {2147483647.5, -2147483648.5, 0x1p63, NAN};
    int32_t i32[CASES];
    int64_t i64[CASES];
    k->cast[RT_F32][RT_I32](rt_exec_cpu(), CASES, f, i32);
    assert_memory_equal(i32, expected, sizeof expected);
    k->cast[RT_F64][RT_I32](rt_exec_cpu(), 4, d, i32);
    assert_true(i32[0] == INT32_MAX && i32[1] == INT32_MIN && i32[2] == INT32_MAX && i32[3] == 0);
    k->cast[RT_F32][RT_I64](rt_exec_cpu(), CASES, f, i64);
    assert_true(i64[0] == INT64_C(1) << 31 && i64[4] == INT64_MAX && i64[5] == INT64_MIN &&
                i64[6] == 0 && i64[7] == 0 && i64[8] == INT64_MAX && i64[9] == INT64_MIN);
}

static void test_saturation(void **state)
{
    (void)state;
    char levels[64], *rest = NULL;
    snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
    for (char *l = strtok_r(levels, " ", &rest); l; l = strtok_r(NULL, " ", &rest))
        check_saturation(rt_kernels_level(l));
}

static void test_casts(void **state)
{
    (void)state;
    const rt_kernels *k = rt_kernels_cpu();
    float f[] = {1.9f, -1.9f, NAN, 1e30f, -1e30f, 300, 0, -0.0f};
    int64_t i64[8];
    int32_t i32[8];
    uint8_t u8[8];
    int16_t i16[8];
    int8_t i8[8];
    double f64[8], real[8];
    float _Complex c64[8];
    k->cast[RT_F32][RT_I64](rt_exec_cpu(), 8, f, i64);
    assert_true(i64[0] == 1 && i64[1] == -1 && i64[2] == 0 && i64[3] == INT64_MAX &&
                i64[4] == INT64_MIN);
    k->cast[RT_F32][RT_I32](rt_exec_cpu(), 8, f, i32);
    assert_true(i32[0] == 1 && i32[2] == 0 && i32[3] == INT32_MAX && i32[4] == INT32_MIN &&
                i32[5] == 300);
    k->cast[RT_F32][RT_U8](rt_exec_cpu(), 8, f, u8);
    assert_true(u8[0] == 1 && u8[1] == 255 && u8[2] == 0 && u8[3] == 0 && u8[5] == 44);
    k->cast[RT_F32][RT_I16](rt_exec_cpu(), 8, f, i16);
    assert_true(i16[0] == 1 && i16[1] == -1 && i16[2] == 0 && i16[3] == 0 && i16[5] == 300);
    k->cast[RT_I16][RT_I8](rt_exec_cpu(), 8, i16, i8);
    assert_true(i8[1] == -1 && i8[5] == 44);
    k->cast[RT_F32][RT_C64](rt_exec_cpu(), 8, f, c64);
    assert_true(__real__ c64[1] == f[1] && __imag__ c64[1] == 0 && isnan(__real__ c64[2]));
    __imag__ c64[6] = -0.5f;
    k->cast[RT_C64][RT_F64](rt_exec_cpu(), 8, c64, real);
    assert_true(real[1] == (double)f[1] && real[6] == 0);
    k->cast[RT_C64][RT_BOOL](rt_exec_cpu(), 8, c64, u8);
    assert_true(u8[6] == 1 && u8[7] == 0);
    double _Complex c128[8];
    k->cast[RT_C64][RT_C128](rt_exec_cpu(), 8, c64, c128);
    assert_true(__real__ c128[1] == (double)f[1] && __imag__ c128[6] == -0.5);
    k->cast[RT_F32][RT_BOOL](rt_exec_cpu(), 8, f, u8);
    assert_true(u8[0] == 1 && u8[2] == 1 && u8[6] == 0 && u8[7] == 0);
    k->cast[RT_F32][RT_F64](rt_exec_cpu(), 8, f, f64);
    assert_true(f64[0] == (double)1.9f && isnan(f64[2]));
    k->cast[RT_I64][RT_F32](rt_exec_cpu(), 8, i64, got);
    assert_true(got[0] == 1 && got[3] == 0x1p63f);
    k->cast[RT_I64][RT_I32](rt_exec_cpu(), 8, i64, i32);
    assert_true(i32[0] == 1 && i32[3] == -1 && i32[4] == 0); /* the lowest bits */
    k->cast[RT_BOOL][RT_I64](rt_exec_cpu(), 8, u8, i64);
    assert_true(i64[0] == 1 && i64[6] == 0);
    for (rt_dtype from = 0; from < RT_DTYPES; from++)
        for (rt_dtype to = 0; to < RT_DTYPES; to++)
            assert_true(from == to || k->cast[from][to]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derivatives), cmocka_unit_test(test_values),
        cmocka_unit_test(test_nan_of_two),  cmocka_unit_test(test_lerp_to_the_end),
        cmocka_unit_test(test_int64),       cmocka_unit_test(test_saturation),
        cmocka_unit_test(test_casts),       cmocka_unit_test(test_halves)};
    return cmocka_run_group_tests_name("elementwise", tests, NULL, NULL);
}
