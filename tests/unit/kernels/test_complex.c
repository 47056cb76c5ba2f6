/* Tests the complex forms of kernels/complex.h: the error of every function on every level, against the reference and relative to the
 * absolute value, over numbers of all sizes and close to the circle where logarithms cancel; and special values and branch cuts, whose
 * expected results are written out here (C99, Annex G). test_kernels has grids, threads and addresses. */
#include "kernels/complex.h"
#include "kernels/kernels.h"
#include "tests/unit/common/random.h"
#include <complex.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Complex numbers of both precisions; clang has no CMPLX of <complex.h>. */
#define COMPLEX32(re, im) __builtin_complex((float)(re), (float)(im))
#define COMPLEX64(re, im) __builtin_complex((double)(re), (double)(im))

typedef struct form {
    const char *name;
    size_t kernel; /* offset of its rt_unary_kernels in the table */
} form;

static const form forms[] = {
#define FORM(name, result, ...) {#name, offsetof(rt_kernels, name)},
#define UNARY(name, ...)        COMPLEX_FORM(FORM, name)
#include "kernels/elementwise.def"
#undef UNARY
};
enum { FORMS = sizeof forms / sizeof *forms, MANY = 4096 };

static const form *form_of(const char *name)
{
    for (int i = 0; i < FORMS; i++)
        if (!strcmp(forms[i].name, name))
            return &forms[i];
    return NULL;
}

/* Computes n numbers in one of the two precisions; a real result gets imaginary parts of 0. */
static void compute(const char *level, const form *f, bool wide, int n, const double _Complex *x,
                    double _Complex *y)
{
    static float _Complex x32[MANY], y32[MANY];
    const rt_kernels *k = rt_kernels_level(level);
    assert_non_null(k);
    const rt_unary_kernels *u = (const rt_unary_kernels *)((const char *)k + f->kernel);
    bool to_real = !strcmp(f->name, "abs");
    for (int i = 0; i < n; i++)
        x32[i] = COMPLEX32((float)creal(x[i]), (float)cimag(x[i]));
    if (wide)
        u->f[RT_C128](rt_exec_cpu(), (rt_numbers){{0}}, n, x, y);
    else
        u->f[RT_C64](rt_exec_cpu(), (rt_numbers){{0}}, n, x32, y32);
    for (int i = n - 1; i >= 0; i--)
        if (to_real)
            y[i] = COMPLEX64(wide ? ((const double *)y)[i] : (double)((const float *)y32)[i], 0);
        else if (!wide)
            y[i] = COMPLEX64((double)crealf(y32[i]), (double)cimagf(y32[i]));
}

/* Runs a check for every level but ref. */
static void for_levels(void (*check)(const char *level))
{
    char levels[64], *rest = NULL;
    snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
    for (char *l = strtok_r(levels, " ", &rest); l; l = strtok_r(NULL, " ", &rest))
        if (strcmp(l, "ref") != 0)
            check(l);
}

/* ---- errors ---- */

/* Kinds of arguments: of ordinary size; of all sizes; close to the unit circle, to 1, to -1. */
enum { ORDINARY, ALL_SIZES, CIRCLE, ONE, MINUS_ONE, KINDS };

static uint64_t state = 1;

static double uniform(double lo, double hi)
{
    return lo + (hi - lo) * (double)(random_bits(&state) >> 11) * 0x1p-53;
}

static double of_any_size(bool wide)
{
    double most = wide ? 1000 : 120;
    return ldexp(uniform(1, 2), (int)uniform(-most, most)) * (uniform(-1, 1) < 0 ? -1 : 1);
}

static double _Complex argument(int kind, bool wide)
{
    double angle = uniform(-M_PI, M_PI), near = uniform(0, 1e-3);
    switch (kind) {
    case ORDINARY:
        return COMPLEX64(uniform(-3, 3), uniform(-3, 3));
    case ALL_SIZES:
        return COMPLEX64(of_any_size(wide), of_any_size(wide));
    case CIRCLE:
        return COMPLEX64(cos(angle), sin(angle));
    default:
        return COMPLEX64((kind == ONE ? 1 : -1) + near * cos(angle), near * sin(angle));
    }
}

/* Whether a form has the poles of sigmoid, close to which 1 + exp(-x) cancels. */
static bool has_poles(const form *f)
{
    return !strcmp(f->name, "sigmoid") || !strcmp(f->name, "silu");
}

/* Units in the last place, of the absolute value. */
static double bound_of(const form *f)
{
    return has_poles(f) ? 8 : 4;
}

static void check_close(const char *level, const form *f, bool wide, int kind)
{
    static double _Complex x[MANY], got[MANY], want[MANY];
    const double eps = wide ? DBL_EPSILON : (double)FLT_EPSILON,
                 least = wide ? DBL_MIN : (double)FLT_MIN;
    for (int i = 0; i < MANY; i++) {
        x[i] = argument(kind, wide);
        if (!wide)
            x[i] = COMPLEX64((double)(float)creal(x[i]), (double)(float)cimag(x[i]));
    }
    compute("ref", f, wide, MANY, x, want);
    compute(level, f, wide, MANY, x, got);
    for (int i = 0; i < MANY; i++) {
        double size = fmax(cabs(want[i]), least), error = cabs(got[i] - want[i]);
        bool finite = isfinite(creal(want[i])) && isfinite(cimag(want[i]));
        if (finite && !(error <= bound_of(f) * eps * size))
            fail_msg("%s(%a%+ai) is %.17g%+.17gi on %s, expected %.17g%+.17gi: %.1f units", f->name,
                     creal(x[i]), cimag(x[i]), creal(got[i]), cimag(got[i]), level, creal(want[i]),
                     cimag(want[i]), error / (eps * size));
    }
}

static void check_errors(const char *level)
{
    for (int i = 0; i < FORMS; i++)
        for (int kind = 0; kind < KINDS; kind++) {
            if (kind == ALL_SIZES && has_poles(&forms[i]))
                continue; /* the poles lie on the imaginary axis, close to tiny real parts */
            check_close(level, &forms[i], false, kind);
            check_close(level, &forms[i], true, kind);
        }
}

static void test_errors(void **unused)
{
    (void)unused;
    for_levels(check_errors);
}

/* ---- special values ---- */

typedef struct special {
    const char *name;
    double _Complex x, y; /* NaN in a part of y: any NaN */
} special;

static const special specials[] = {
    {"sqrt", COMPLEX64(-4, 0.0), COMPLEX64(0, 2)},
    {"sqrt", COMPLEX64(-4, -0.0), COMPLEX64(0, -2)},
    {"sqrt", COMPLEX64(0.0, -0.0), COMPLEX64(0, -0.0)},
    {"sqrt", COMPLEX64(-INFINITY, 1), COMPLEX64(0, INFINITY)},
    {"sqrt", COMPLEX64(NAN, INFINITY), COMPLEX64(INFINITY, INFINITY)},
    {"log", COMPLEX64(-1, 0.0), COMPLEX64(0, M_PI)},
    {"log", COMPLEX64(-1, -0.0), COMPLEX64(0, -M_PI)},
    {"log", COMPLEX64(0, 0), COMPLEX64(-INFINITY, 0)},
    {"log", COMPLEX64(INFINITY, INFINITY), COMPLEX64(INFINITY, M_PI / 4)},
    {"log", COMPLEX64(-INFINITY, NAN), COMPLEX64(INFINITY, NAN)},
    {"exp", COMPLEX64(-INFINITY, NAN), COMPLEX64(0, 0)},
    {"exp", COMPLEX64(INFINITY, NAN), COMPLEX64(INFINITY, NAN)},
    {"exp", COMPLEX64(NAN, 0), COMPLEX64(NAN, 0)},
    {"exp", COMPLEX64(INFINITY, -0.0), COMPLEX64(INFINITY, -0.0)},
    {"abs", COMPLEX64(NAN, -INFINITY), COMPLEX64(INFINITY, 0)},
    {"abs", COMPLEX64(0.0, -0.0), COMPLEX64(0, 0)},
    {"reciprocal", COMPLEX64(0.0, 0.0), COMPLEX64(INFINITY, NAN)},
    {"tanh", COMPLEX64(INFINITY, 1), COMPLEX64(1, 0)},
    {"tanh", COMPLEX64(-1000, 1), COMPLEX64(-1, 0)},
    {"sin", COMPLEX64(NAN, 0), COMPLEX64(NAN, 0)},
    {"cos", COMPLEX64(0, 0), COMPLEX64(1, -0.0)},
    {"asin", COMPLEX64(2, 0.0), COMPLEX64(M_PI / 2, 1.3169578969248167)},
    {"asin", COMPLEX64(2, -0.0), COMPLEX64(M_PI / 2, -1.3169578969248167)},
    {"asin", COMPLEX64(-INFINITY, 1), COMPLEX64(-M_PI / 2, INFINITY)},
    {"acos", COMPLEX64(2, 0.0), COMPLEX64(0, -1.3169578969248167)},
    {"acos", COMPLEX64(-2, -0.0), COMPLEX64(M_PI, 1.3169578969248167)},
    {"acos", COMPLEX64(-INFINITY, INFINITY), COMPLEX64(3 * M_PI / 4, -INFINITY)},
    {"atan", COMPLEX64(0.0, 2), COMPLEX64(M_PI / 2, 0.54930614433405484)},
    {"atan", COMPLEX64(-0.0, 2), COMPLEX64(-M_PI / 2, 0.54930614433405484)},
    {"acosh", COMPLEX64(-2, 0.0), COMPLEX64(1.3169578969248167, M_PI)},
    {"acosh", COMPLEX64(-2, -0.0), COMPLEX64(1.3169578969248167, -M_PI)},
    {"asinh", COMPLEX64(0.0, 2), COMPLEX64(1.3169578969248167, M_PI / 2)},
    {"atanh", COMPLEX64(1, 0.0), COMPLEX64(INFINITY, 0)},
    {"atanh", COMPLEX64(2, -0.0), COMPLEX64(0.54930614433405484, -M_PI / 2)},
    {"log1p", COMPLEX64(-1, 0), COMPLEX64(-INFINITY, 0)},
    {"log2", COMPLEX64(8, 0), COMPLEX64(3, 0)},
    {"log10", COMPLEX64(1000, 0), COMPLEX64(3, 0)},
};

static bool is_part(double got, double want, double tolerance)
{
    if (isnan(want))
        return isnan(got);
    return (got == want || fabs(got - want) <= tolerance * fabs(want)) &&
           signbit(got) == signbit(want);
}

static void check_specials(const char *level)
{
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        for (int wide = 0; wide < 2; wide++) {
            const special *s = &specials[i];
            const form *f = form_of(s->name);
            double _Complex y;
            double tolerance = wide ? 1e-15 : 5e-7;
            if (!f)
                continue; /* its row is not there */
            compute(level, f, wide, 1, &s->x, &y);
            if (!is_part(creal(y), creal(s->y), tolerance) ||
                !is_part(cimag(y), cimag(s->y), tolerance))
                fail_msg("%s(%g%+gi) is %.17g%+.17gi on %s, expected %.17g%+.17gi", s->name,
                         creal(s->x), cimag(s->x), creal(y), cimag(y), level, creal(s->y),
                         cimag(s->y));
        }
}

static void test_specials(void **unused)
{
    (void)unused;
    for_levels(check_specials);
}

/* ---- quotients and powers ---- */

typedef struct two {
    size_t kernel;
    float _Complex a, b, y;
} two;

static void check_two(const char *level)
{
    static const size_t div = offsetof(rt_kernels, div), pow = offsetof(rt_kernels, pow),
                        mul = offsetof(rt_kernels, mul);
    const two rows[] = {
        {div, COMPLEX32(1, -2), COMPLEX32(0, 0), COMPLEX32(INFINITY, -INFINITY)},
        {div, COMPLEX32(1e38f, 1e38f), COMPLEX32(1e38f, 1e38f), COMPLEX32(1, 0)},
        {div, COMPLEX32(3, 4), COMPLEX32(0, 2), COMPLEX32(2, -1.5f)},
        {mul, COMPLEX32(0.1f, 0.7f), COMPLEX32(0.1f, -0.7f),
         COMPLEX32(0.1f * 0.1f + 0.7f * 0.7f, 0)},
        {pow, COMPLEX32(0, 0), COMPLEX32(0, 0), COMPLEX32(1, 0)},
        {pow, COMPLEX32(0, 0), COMPLEX32(2, 1), COMPLEX32(0, 0)},
        {pow, COMPLEX32(NAN, 1), COMPLEX32(0, 0), COMPLEX32(1, 0)},
        {pow, COMPLEX32(0, 1), COMPLEX32(0, 1), COMPLEX32(0.20787958f, 0)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float _Complex y;
        rt_grid g;
        rt_grid_row(&g, 1, 1, 1);
        const rt_binary_kernels *k =
            (const rt_binary_kernels *)((const char *)rt_kernels_level(level) + rows[i].kernel);
        k->f[RT_C64](rt_exec_cpu(), (rt_numbers){{0}}, &g, &rows[i].a, &rows[i].b, &y);
        if (!is_part(crealf(y), crealf(rows[i].y), 1e-6) ||
            !is_part(cimagf(y), cimagf(rows[i].y), 1e-6))
            fail_msg("row %zu is %.9g%+.9gi on %s, expected %.9g%+.9gi", i, (double)crealf(y),
                     (double)cimagf(y), level, (double)crealf(rows[i].y),
                     (double)cimagf(rows[i].y));
    }
}

static void test_two(void **unused)
{
    (void)unused;
    for_levels(check_two);
}

int main(void)
{
    state = random_seed("test_complex");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_specials),
        cmocka_unit_test(test_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
