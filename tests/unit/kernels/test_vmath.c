/* Vector mathematics against long double libm: the error in units in the last place over bit patterns spread across
 * all floats, dense near where the approximations meet, and at special values; and its bound. Powers against double libm, over five
 * million pairs. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "kernels/kernels.h"

typedef struct function {
    const char *name;
    size_t kernel; /* offset of its rt_unary_kernels in the table */
    long double (*exact)(long double);
    double bound;
} function;

#define FUNCTION(name, exact, bound)                                                               \
    {                                                                                              \
#name, offsetof(rt_kernels, name), exact, bound                                            \
    }
static const function functions[] = {
    FUNCTION(exp, expl, 1.0),     FUNCTION(expm1, expm1l, 1.4), FUNCTION(log, logl, 0.8),
    FUNCTION(log1p, log1pl, 1.5), FUNCTION(tanh, tanhl, 2.3),   FUNCTION(erf, erfl, 1.4),
    FUNCTION(sin, sinl, 1.7),     FUNCTION(cos, cosl, 1.7),     FUNCTION(sqrt, sqrtl, 0.5),
};

/* All arguments tried: every 4001st bit pattern, a fine grid over [-20, 20], and special values. */
static int64_t make_arguments(float **out)
{
    static const float special[] = {
        0,        -0.0f,   1,         -1,         INFINITY,  -INFINITY, NAN,        FLT_MAX,
        -FLT_MAX, FLT_MIN, 0x1p-149f, -0x1p-149f, 88.72283f, 88.72284f, -87.33655f, -103.97f,
        -103.98f, -104.1f, 0.9f,      8192,       8191.999f, 1e22f,     3.3e38f};
    enum { STEP = 4001, GRID = 400001, SPECIAL = sizeof special / sizeof *special };
    int64_t n = 0, spread = ((int64_t)1 << 32) / STEP;
    float *x = malloc((size_t)(spread + GRID + SPECIAL) * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < spread; i++) {
        uint32_t bits = (uint32_t)(i * STEP);
        memcpy(&x[n++], &bits, sizeof bits);
    }
    for (int64_t i = 0; i < GRID; i++)
        x[n++] = (float)(-20 + i * 1e-4);
    memcpy(x + n, special, sizeof special);
    *out = x;
    return n + SPECIAL;
}

/* |got - want| in units of the last place of a float near `want`; 0 where both are NaN or the same infinity. */
static double ulps(float got, long double want)
{
    float rounded = (float)want;
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (got == rounded)
        return isinf(rounded)
                   ? 0
                   : (double)(fabsl(got - want) / ldexpl(1, (int)fmaxl(ilogbl(want), -126) - 23));
    if (isinf(got) || isinf(rounded))
        return INFINITY;
    return want == 0 ? INFINITY
                     : (double)(fabsl(got - want) / ldexpl(1, (int)fmaxl(ilogbl(want), -126) - 23));
}

static void check(const function *f, const char *level, int64_t n, const float *x,
                  const long double *want, float *y)
{
    const rt_unary_kernels *u =
        (const rt_unary_kernels *)((const char *)rt_kernels_level(level) + f->kernel);
    u->f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, n, x, y);
    double worst = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        double e = want[i] == 0 && y[i] == 0 ? 0 : ulps(y[i], want[i]);
        if (e > worst) {
            worst = e;
            at = i;
        }
        if (x[i] == 0 && signbit(y[i]) != signbit((float)want[i]))
            fail_msg("%s on %s: %s(%g) has the wrong sign of zero", f->name, level, f->name, x[i]);
    }
    print_message("%-6s %-6s %.3f ULP at %a\n", f->name, level, worst, x[at]);
    if (!(worst <= f->bound))
        fail_msg("%s on %s: %.3f ULP at %a: %.9g, exactly %.12Lg; the bound is %.1f", f->name,
                 level, worst, x[at], y[at], want[at], f->bound);
}

static void test_function(void **state)
{
    const function *f = *state;
    float *x;
    int64_t n = make_arguments(&x);
    float *y = malloc((size_t)n * sizeof *y);
    long double *want = malloc((size_t)n * sizeof *want);
    assert_true(y && want);
    for (int64_t i = 0; i < n; i++)
        want[i] = f->exact(x[i]);
    char levels[64], *rest = NULL;
    snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
    for (char *l = strtok_r(levels, " ", &rest); l; l = strtok_r(NULL, " ", &rest))
        check(f, l, n, x, want, y);
    free(x);
    free(y);
    free(want);
}

/* ---- powers ---- */

enum { PAIRS = 1 << 20, WAYS = 5 };
static float base[PAIRS], exponent[PAIRS], power[PAIRS];

static uint32_t next_word(void)
{
    static uint64_t state = 88172645463325252;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

static float between(float low, float high)
{
    return low + (high - low) * (float)(next_word() >> 8) * 0x1p-24f;
}

/* Pairs of any bits; with moderate results; with bases near 1; with results of every size, denormal ones too; of whole numbers. */
static void make_pairs(int way)
{
    for (int i = 0; i < PAIRS; i++) {
        uint32_t bits[2] = {next_word(), next_word()};
        float size = between(-127, 127);
        if (way == 0) {
            memcpy(&base[i], &bits[0], sizeof *base);
            memcpy(&exponent[i], &bits[1], sizeof *exponent);
        } else if (way == 4) {
            base[i] = (float)(bits[0] % 41) - 20;
            exponent[i] = (float)(bits[1] % 41) - 20;
        } else {
            base[i] = way == 1 ? between(0, 4) : way == 2 ? between(0.99f, 1.01f) : exp2f(size);
            exponent[i] = way == 1
                              ? between(-150, 150)
                              : (way == 2 ? between(-20000, 20000) : between(-150, 130) / size);
        }
    }
}

/* The error of a power in units of the last place; a wrong sign, of zero too, is the largest. */
static double power_error(float got, double want)
{
    if (!isnan(want) && !signbit(got) != !signbit(want))
        return INFINITY;
    return want == 0 ? fabs(got) * 0x1p149 : ulps(got, want);
}

static void check_pow(const char *level, double bound)
{
    double worst = 0;
    for (int way = 0; way < WAYS; way++) {
        make_pairs(way);
        rt_grid g = {1, PAIRS, {{0, 1}, {0, 1}}};
        rt_kernels_level(level)->pow.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, &g, base, exponent,
                                               power);
        for (int i = 0; i < PAIRS; i++) {
            double want = pow(base[i], exponent[i]), e = power_error(power[i], want);
            bool exact = way == 4 && want == (float)want;
            if (!(e <= (exact ? 0 : bound)))
                fail_msg("pow on %s: %.3f ULP at %a, %a: %a, exactly %a", level, e, base[i],
                         exponent[i], power[i], want);
            worst = fmax(worst, e);
        }
    }
    print_message("%-6s %-6s %.3f ULP\n", "pow", level, worst);
}

/* All pairs of special values. */
static void check_pow_specials(const char *level, double bound)
{
    static const float special[] = {
        0,           -0.0f,        1,          -1,        2,
        -2,          0.5f,         -0.5f,      3,         -3,
        1.5f,        -1.5f,        INFINITY,   -INFINITY, NAN,
        0x1p-149f,   -0x1p-149f,   0x1p24f,    -0x1p23f,  8388607,
        0x1p25f,     16777215,     FLT_MAX,    -FLT_MAX,  FLT_MIN,
        0.99999994f, -0.99999994f, 1.0000001f, 1e-30f,    0x1.000002p25f};
    enum { SPECIAL = sizeof special / sizeof *special };
    rt_grid g = {SPECIAL, SPECIAL, {{1, 0}, {0, 1}}};
    rt_kernels_level(level)->pow.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, &g, special, special,
                                           power);
    for (int i = 0; i < SPECIAL * SPECIAL; i++) {
        float a = special[i / SPECIAL], b = special[i % SPECIAL];
        double want = pow(a, b);
        if (!(power_error(power[i], want) <= bound))
            fail_msg("pow on %s: of %a, %a: %a, expected %a", level, a, b, power[i], want);
    }
}

static void test_pow(void **state)
{
    (void)state;
    char levels[64], *rest = NULL;
    snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
    for (char *l = strtok_r(levels, " ", &rest); l; l = strtok_r(NULL, " ", &rest)) {
        double bound = strcmp(l, "sse4") == 0 ? 1.1 : 0.9;
        check_pow(l, bound);
        check_pow_specials(l, bound);
    }
}

int main(void)
{
    enum { COUNT = sizeof functions / sizeof *functions };
    struct CMUnitTest tests[COUNT + 1];
    for (int i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){functions[i].name, test_function, NULL, NULL,
                                       (void *)&functions[i]};
    tests[COUNT] = (struct CMUnitTest){"pow", test_pow, NULL, NULL, NULL};
    return cmocka_run_group_tests_name("vmath", tests, NULL, NULL);
}
