/* Tests vector mathematics of each float type against long double libm: the error in units in the last place must be within its
 * bound (kernels/vmath_bounds.def), over bit patterns spread across all numbers, dense where the approximations meet, and at special values. Also tests
 * powers and other functions of pairs of numbers.
 *
 *     test_vmath         takes an eighth of the arguments (RINGTORCH_TEST_SEED chooses), and all special values
 *     test_vmath --all   takes all of them: 1.4 million a function, 2.6 million pairs */
#define EXACT      long double
#define EXACT_M(f) f##l
#include "kernels/ref/exact.inc"
#include "tests/unit/common/random.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The range and precision of a float type. */
typedef struct format {
    rt_dtype dtype;
    const char *name;
    int precision, least; /* bits, and the exponent of the smallest number that is not denormal */
    double end;           /* the largest number */
} format;
static const format formats[] = {{RT_F32, "float32", 24, -126, FLT_MAX},
                                 {RT_F64, "float64", 53, -1022, DBL_MAX}};

/* Returns the number of a format that is nearest to x. */
static double rounded(const format *t, long double x)
{
    return t->dtype == RT_F32 ? (double)(float)x : (double)x;
}

static void *packed(const format *t, int64_t n, const double *x)
{
    float *y = malloc((size_t)n * sizeof(double));
    assert_non_null(y);
    for (int64_t i = 0; i < n && t->dtype == RT_F32; i++)
        y[i] = (float)x[i];
    return t->dtype == RT_F32 ? y : memcpy(y, x, (size_t)n * sizeof *x);
}

static double at(const format *t, const void *x, int64_t i)
{
    return t->dtype == RT_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

enum { SHARE = 8 };
static int stride = SHARE; /* 1: all arguments */
static uint64_t seed;

/* Keeps every stride-th of n numbers, at the beginning of x; returns how many those are. */
static int64_t sample(double *x, int64_t n)
{
    int64_t kept = 0;
    for (int64_t i = (int64_t)(seed % (uint64_t)stride); i < n; i += stride)
        x[kept++] = x[i];
    return kept;
}

/* Makes all arguments to test: bit patterns spread over all numbers, a fine grid over [-20, 20], and special values. */
static int64_t make_arguments(const format *t, double **out)
{
    const double special[] = {0,
                              -0.0,
                              1,
                              -1,
                              INFINITY,
                              -INFINITY,
                              NAN,
                              t->end,
                              -t->end,
                              ldexp(1, t->least),
                              ldexp(1, t->least - t->precision + 1),
                              -ldexp(1, t->least - t->precision + 1),
                              88.72283,
                              88.72284,
                              -87.33655,
                              -103.97,
                              -103.98,
                              -104.1,
                              709.782712893384,
                              709.7827128933841,
                              -708.4,
                              -745.13,
                              -745.14,
                              -746,
                              0.9,
                              8192,
                              8191.999,
                              0x1p20,
                              0x1.fffffffffffffp19,
                              1e22,
                              3.3e38};
    enum { SPREAD = 1 << 20, GRID = 400001, SPECIAL = sizeof special / sizeof *special };
    double *x = malloc((SPREAD + GRID + SPECIAL) * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < SPREAD; i++) {
        uint32_t half = (uint32_t)i * 4099;
        uint64_t whole = (uint64_t)i * 0x9E3779B97F4A7C15;
        float of_half;
        memcpy(&of_half, &half, sizeof half);
        memcpy(&x[i], &whole, sizeof whole);
        x[i] = t->dtype == RT_F32 ? (double)of_half : x[i];
    }
    for (int64_t i = 0; i < GRID; i++)
        x[SPREAD + i] = rounded(t, -20 + (long double)i * 1e-4L);
    int64_t n = sample(x, SPREAD + GRID);
    for (int64_t i = 0; i < SPECIAL; i++)
        x[n + i] = rounded(t, special[i]);
    *out = x;
    return n + SPECIAL;
}

/* Returns |got - want| in units of the last place of a number near `want`; 0 if both are NaN or the same infinity. */
static double ulps(const format *t, double got, long double want)
{
    double nearest = rounded(t, want);
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf(got) || isinf(nearest))
        return got == nearest ? 0 : INFINITY;
    if (want == 0)
        return got == 0 ? 0 : INFINITY;
    int exponent = (int)fmaxl(ilogbl(want), t->least) - t->precision + 1;
    return (double)(fabsl(got - want) / ldexpl(1, exponent));
}

static void check(const rt__function *f, const format *t, const char *level, int64_t n,
                  const double *x, const long double *want)
{
    rt_unary_fn *const *u = rt__function_of(f, rt_kernels_level(level));
    const double least = f->least[t - formats];
    void *given = packed(t, n, x), *y = packed(t, n, x);
    u[t->dtype](rt_exec_cpu(), (rt_numbers){{0}}, n, given, y);
    double worst = 0;
    int64_t where = 0;
    for (int64_t i = 0; i < n; i++) {
        double e = ulps(t, at(t, y, i), want[i]);
        if (fabsl(want[i]) < least && !isnan(at(t, y, i)))
            e = (double)fabsl(at(t, y, i) - want[i]) * ldexp(1, t->precision - 1) / least;
        if (e > worst) {
            worst = e;
            where = i;
        }
        if (x[i] == 0 && !isnan(want[i]) && !signbit(at(t, y, i)) != !signbit(want[i]))
            fail_msg("%s of %s on %s: of %g it has the wrong sign of zero", f->name, t->name, level,
                     x[i]);
    }
    double got = at(t, y, where), bound = f->bound[t - formats];
    print_message("%-6s %s %-6s %.3f ULP at %a\n", f->name, t->name, level, worst, x[where]);
    if (!(worst <= bound))
        fail_msg("%s of %s on %s: %.3f ULP at %a: %.17g, exactly %.20Lg; the bound is %.1f",
                 f->name, t->name, level, worst, x[where], got, want[where], bound);
    free(given);
    free(y);
}

static void check_levels(const rt__function *f, const format *t)
{
    double *x;
    int64_t n = make_arguments(t, &x);
    long double *want = malloc((size_t)n * sizeof *want);
    assert_non_null(want);
    for (int64_t i = 0; i < n; i++)
        want[i] = f->exact(x[i]);
    char levels[64], *rest = NULL;
    snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
    for (char *l = strtok_r(levels, " ", &rest); l; l = strtok_r(NULL, " ", &rest))
        check(f, t, l, n, x, want);
    free(x);
    free(want);
}

static void test_function(void **state)
{
    check_levels(*state, &formats[0]);
    check_levels(*state, &formats[1]);
}

/* The page states the bounds of the table. */
static void test_page(void **state)
{
    (void)state;
    static char page[1 << 17];
    FILE *file = fopen(RT_TEST_SOURCE_DIR "/docs/NUMERICS.md", "r");
    assert_non_null(file);
    assert_in_range(fread(page, 1, sizeof page, file), 1, sizeof page - 1);
    fclose(file);
    for (int i = 0; i < RT__FUNCTIONS; i++) {
        char row[128];
        rt__bounds_text(&rt__functions[i], row);
        if (!strstr(page, row))
            fail_msg("docs/NUMERICS.md has no row '%s'", row);
    }
}

/* ---- powers ---- */

enum { PAIRS = 1 << 19, WAYS = 5 };
static double base[PAIRS], exponent[PAIRS];

static uint64_t next_word(void)
{
    static uint64_t state;
    if (state == 0)
        state = 88172645463325252 ^ seed;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545F4914F6CDD1D;
}

static double between(double low, double high)
{
    return low + (high - low) * (double)(next_word() >> 11) * 0x1p-53;
}

static double any_bits(const format *t)
{
    uint64_t whole = next_word();
    uint32_t half = (uint32_t)(whole >> 32);
    float f;
    double d;
    memcpy(&f, &half, sizeof f);
    memcpy(&d, &whole, sizeof d);
    return t->dtype == RT_F32 ? (double)f : d;
}

/* Makes pairs in one of these ways: any bits; moderate results; bases near 1; results of every size, including denormal ones;
 * whole numbers. */
static void make_pairs(const format *t, int way)
{
    double most = -t->least + 1, steps = t->dtype == RT_F32 ? 0.01 : 0.001;
    for (int i = 0; i < PAIRS / stride; i++) {
        double size = between(-most, most), b, e;
        if (way == 0) {
            b = any_bits(t);
            e = any_bits(t);
        } else if (way == 4) {
            b = (double)(next_word() % 41) - 20;
            e = (double)(next_word() % 41) - 20;
        } else {
            b = way == 1 ? between(0, 4) : way == 2 ? between(1 - steps, 1 + steps) : exp2(size);
            e = way == 1   ? between(-most * 1.2, most * 1.2)
                : way == 2 ? between(-200, 200) / steps
                           : between(-most * 1.2, most) / size;
        }
        base[i] = rounded(t, b);
        exponent[i] = rounded(t, e);
    }
}

/* Returns the error of a power in units of the last place; a wrong sign, even of zero, counts as the largest error. */
static double power_error(const format *t, double got, long double want)
{
    if (!isnan(want) && !signbit(got) != !signbit(want))
        return INFINITY;
    return want == 0 ? ldexp(fabs(got), t->precision - 1 - t->least) : ulps(t, got, want);
}

static double check_powers(const format *t, const char *level, rt_grid g, const double *a,
                           int64_t of_a, const double *b, int64_t of_b, double bound)
{
    int64_t n = rt_grid_count(&g);
    void *pa = packed(t, of_a, a), *pb = packed(t, of_b, b),
         *y = malloc((size_t)n * sizeof(double));
    assert_non_null(y);
    rt_kernels_level(level)->pow.f[t->dtype](rt_exec_cpu(), (rt_numbers){{0}}, &g, pa, pb, y);
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double x = a[rt_grid_place(&g, 0, i)], p = b[rt_grid_place(&g, 1, i)];
        long double want = powl(x, p);
        double e = power_error(t, at(t, y, i), want);
        bool exact = x == rint(x) && p == rint(p) && fabs(x) <= 20 && fabs(p) <= 20 &&
                     want == rounded(t, want);
        if (!(e <= (exact ? 0 : bound)))
            fail_msg("pow of %s on %s: %.3f ULP at %a, %a: %a, exactly %La", t->name, level, e, x,
                     p, at(t, y, i), want);
        worst = fmax(worst, e);
    }
    free(pa);
    free(pb);
    free(y);
    return worst;
}

static void check_pow(const format *t, const char *level, double bound)
{
    double worst = 0;
    for (int way = 0; way < WAYS; way++) {
        make_pairs(t, way);
        const int64_t pairs = PAIRS / stride;
        rt_grid g = {1, {pairs}, {{1}, {1}}};
        worst = fmax(worst, check_powers(t, level, g, base, pairs, exponent, pairs, bound));
    }
    print_message("%-6s %s %-6s %.3f ULP\n", "pow", t->name, level, worst);
}

/* Checks all pairs of special values. */
static void check_pow_specials(const format *t, const char *level, double bound)
{
    double next = ldexp(1, 1 - t->precision), denormal = ldexp(1, t->least - t->precision + 1);
    double whole = ldexp(1, t->precision); /* from here on every number is an even integer */
    double special[] = {0,
                        -0.0,
                        1,
                        -1,
                        2,
                        -2,
                        0.5,
                        -0.5,
                        3,
                        -3,
                        1.5,
                        -1.5,
                        INFINITY,
                        -INFINITY,
                        NAN,
                        denormal,
                        -denormal,
                        whole,
                        -whole / 2,
                        whole / 2 - 1,
                        2 * whole,
                        whole - 1,
                        t->end,
                        -t->end,
                        ldexp(1, t->least),
                        1 - next / 2,
                        next / 2 - 1,
                        1 + next,
                        1e-30,
                        2 * whole * (1 + next)};
    enum { SPECIAL = sizeof special / sizeof *special };
    for (int i = 0; i < SPECIAL; i++)
        special[i] = rounded(t, special[i]);
    rt_grid g = {2, {SPECIAL, SPECIAL}, {{1, 0}, {0, 1}}};
    check_powers(t, level, g, special, SPECIAL, special, SPECIAL, bound);
}

static void test_pow(void **state)
{
    (void)state;
    char levels[64], *rest = NULL;
    snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
    for (char *l = strtok_r(levels, " ", &rest); l; l = strtok_r(NULL, " ", &rest)) {
        bool fused = strcmp(l, "sse4") != 0;
        for (int i = 0; i < 2; i++) {
            double bound = !fused ? 1.2 : i == 0 ? 0.9 : 1.0;
            check_pow(&formats[i], l, bound);
            check_pow_specials(&formats[i], l, bound);
        }
    }
}

/* ---- other functions of two numbers ---- */

static const struct {
    const char *name;
    size_t kernel; /* offset of its rt_binary_kernels in the table */
    long double (*exact)(long double, long double);
    double bound[2]; /* of each format */
} of_two[] = {{"atan2", offsetof(rt_kernels, atan2), atan2l, {0.501, 3}},
              {"hypot", offsetof(rt_kernels, hypot), hypotl, {0.501, 1.5}},
              {"copysign", offsetof(rt_kernels, copysign), copysignl, {0, 0}}};
enum { OF_TWO = sizeof of_two / sizeof *of_two };

/* Checks n pairs (base, exponent), signs of zeros too. */
static double check_two(int k, const format *t, const char *level, int64_t n)
{
    const rt_binary_kernels *b =
        (const rt_binary_kernels *)((const char *)rt_kernels_level(level) + of_two[k].kernel);
    rt_grid g = {1, {n}, {{1}, {1}}};
    void *x = packed(t, n, base), *z = packed(t, n, exponent), *y = packed(t, n, base);
    double worst = 0;
    b->f[t->dtype](rt_exec_cpu(), (rt_numbers){{0}}, &g, x, z, y);
    for (int64_t i = 0; i < n; i++) {
        long double want = of_two[k].exact(base[i], exponent[i]);
        double got = at(t, y, i), e = ulps(t, got, want);
        if (want == 0 && !signbit(got) != !signbit(want))
            e = INFINITY;
        if (!(e <= of_two[k].bound[t - formats]))
            fail_msg("%s of %s on %s: %.3f ULP at %a, %a: %a, exactly %La", of_two[k].name, t->name,
                     level, e, base[i], exponent[i], got, want);
        worst = fmax(worst, e);
    }
    free(x);
    free(z);
    free(y);
    return worst;
}

/* Any bits, moderate numbers, and all pairs of special ones. */
static void check_two_on(const format *t, const char *level)
{
    const double special[] = {
        0, -0.0, 1, -1, INFINITY, -INFINITY, NAN, ldexp(1, t->least), t->end, -t->end, 2, 1e-30};
    enum { SPECIAL = sizeof special / sizeof *special };
    for (int k = 0; k < OF_TWO; k++) {
        double worst = 0;
        for (int way = 0; way < 2; way++) {
            make_pairs(t, way);
            worst = fmax(worst, check_two(k, t, level, PAIRS / stride));
        }
        for (int i = 0; i < SPECIAL * SPECIAL; i++) {
            base[i] = rounded(t, special[i / SPECIAL]);
            exponent[i] = rounded(t, special[i % SPECIAL]);
        }
        worst = fmax(worst, check_two(k, t, level, SPECIAL * SPECIAL));
        print_message("%-6s %s %-6s %.3f ULP\n", of_two[k].name, t->name, level, worst);
    }
}

static void test_two(void **state)
{
    (void)state;
    char levels[64], *rest = NULL;
    snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
    for (char *l = strtok_r(levels, " ", &rest); l; l = strtok_r(NULL, " ", &rest)) {
        check_two_on(&formats[0], l);
        check_two_on(&formats[1], l);
    }
}

int main(int argc, char **argv)
{
    enum { COUNT = RT__FUNCTIONS };
    if (argc > 1 && strcmp(argv[1], "--all") == 0)
        stride = 1;
    seed = random_seed("test_vmath");
    struct CMUnitTest tests[COUNT + 3];
    for (int i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){rt__functions[i].name, test_function, NULL, NULL,
                                       (void *)&rt__functions[i]};
    tests[COUNT] = (struct CMUnitTest){"pow", test_pow, NULL, NULL, NULL};
    tests[COUNT + 1] = (struct CMUnitTest){"two", test_two, NULL, NULL, NULL};
    tests[COUNT + 2] = (struct CMUnitTest){"page", test_page, NULL, NULL, NULL};
    return cmocka_run_group_tests_name("vmath", tests, NULL, NULL);
}
