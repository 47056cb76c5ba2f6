/* Tests all structured kernels (cases.def) and all rows of elementwise.def, for each float type. Each case runs on random shapes (with zero
 * sizes and ragged tails among them) and must, on every level that this machine has,
 *   - agree with the reference level within the tolerance of its row,
 *   - give the same bits with 1, 2, 3 and 4 threads, and with buffers that are not aligned (with a sanitizer, which looks at memory and not
 *     at bits: with 1 and one other number of threads),
 *   - give the same bits on avx2 and avx512, when the machine has both.
 * Integer kernels, which all levels share, are compared with their formulas over grids. KERNELS_SEED=n repeats a run.
 *
 *     test_kernels         runs each case on 4 of its 12 seeds (RINGTORCH_TEST_SEED chooses)
 *     test_kernels --all   runs each on all of them
 *     test_kernels 'conv*' runs those with such names */
#include "cases.h"
#include "tests/unit/common/random.h"

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
enum { TRIALS = 12, SHARE = 3 };
static uint64_t first, stride = 1; /* which trials run */

/* --- comparing --- */

static void check_close(const char *what, const run *got, const run *want, double tolerance)
{
    for (int o = 0; o < want->count; o++) {
        const buffer *g = &got->b[o], *w = &want->b[o];
        if (!w->is_out)
            continue;
        if (w->type == RT_I64 && memcmp(g->data, w->data, (size_t)w->n * sizeof(int64_t)))
            fail_msg("%s: output %d differs", what, o);
        double scale = 0;
        for (int64_t i = 0; i < w->n; i++)
            if (isfinite(value(w, i)))
                scale = fmax(scale, fabs(value(w, i)));
        for (int64_t i = 0; i < w->n; i++) {
            double a = value(g, i), b = value(w, i);
            if (a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * scale)
                continue;
            fail_msg("%s: output %d, element %lld of %lld: %.9g, expected %.9g within %.1e", what,
                     o, (long long)i, (long long)w->n, a, b, tolerance * scale);
        }
    }
}

static run execute(const test_case *c, const rt_kernels *k, uint64_t seed, int64_t skew,
                   int threads)
{
    run r = {.state = seed, .skew = skew};
    rt_kernels_set_threads(threads);
    c->body(&r, rt_exec_cpu(), k);
    assert_false(rt_failed());
    return r;
}

static void check_level(const test_case *c, const char *level, uint64_t seed, const run *want)
{
    char what[160];
    const rt_kernels *k = rt_kernels_level(level);
    run one = execute(c, k, seed, 0, 1);
    snprintf(what, sizeof what, "%s on %s, KERNELS_SEED=%llu", c->name, level,
             (unsigned long long)seed);
    check_close(what, &one, want, c->tolerance);
    int from = 2, to = 4;
    if (SANITIZED)
        from = to = 2 + (int)(seed % 3);
    for (int threads = from; threads <= to; threads++) {
        run other = execute(c, k, seed, threads % 4, threads);
        snprintf(what, sizeof what, "%s on %s with %d threads, unaligned by %d, KERNELS_SEED=%llu",
                 c->name, level, threads, threads % 4, (unsigned long long)seed);
        check_same_bits(what, &other, &one);
        release(&other);
    }
    if (!strcmp(level, "avx512") && !SANITIZED) {
        run narrow = execute(c, rt_kernels_level("avx2"), seed, 0, 1);
        snprintf(what, sizeof what, "%s, avx512 against avx2, KERNELS_SEED=%llu", c->name,
                 (unsigned long long)seed);
        check_same_bits(what, &one, &narrow);
        release(&narrow);
    }
    release(&one);
}

static void test_case_body(void **state)
{
    const test_case *c = *state;
    const char *given = getenv("KERNELS_SEED");
    for (uint64_t trial = given ? 0 : first; trial < (given ? 1 : TRIALS); trial += stride) {
        uint64_t seed = given ? strtoull(given, NULL, 10) : 1000 + trial;
        run want = execute(c, rt_kernels_level("ref"), seed, 0, 1);
        char levels[64], *rest = NULL;
        snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
        for (char *l = strtok_r(levels, " ", &rest); l; l = strtok_r(NULL, " ", &rest))
            if (strcmp(l, "ref") != 0)
                check_level(c, l, seed, &want);
        release(&want);
    }
}

/* --- integers --- */

/* Fills a new buffer with n integers from -4 to 4, or from 1 to 4. */
static const buffer *wholes(run *r, rt_dtype type, int64_t n, bool positive)
{
    static const int8_t some[] = {-4, -3, -2, -1, 0, 1, 2, 3, 4};
    add(r, n, type, false);
    const buffer *b = &r->b[r->count - 1];
    for (int64_t i = 0; i < n; i++) {
        int64_t v = some[positive ? 5 + pick(r, 4) : pick(r, 9)];
        rt_kernels_cpu()->cast[RT_I64][type](rt_exec_cpu(), 1, &v,
                                             b->data + (size_t)i * rt_dtype_size(type));
    }
    return b;
}

static int64_t sum(const int64_t *v)
{
    return v[0] + v[1];
}

static int64_t less(const int64_t *v)
{
    return v[0] < v[1];
}

static int64_t quotient(const int64_t *v)
{
    return v[0] / v[1];
}

static int64_t sum_and_product(const int64_t *v)
{
    return v[0] + 2 * v[1] * v[2];
}

/* Three random operands, of which the second has no zero. */
typedef struct whole_case {
    run r;
    uint64_t seed;
    rt_dtype type;
    rt_grid g;
    const buffer *x[3];
} whole_case;

/* Compares the buffer made last with the formula, truncated to the type. */
static void check_formula(const whole_case *c, const char *kernel, int64_t formula(const int64_t *))
{
    const buffer *y = &c->r.b[c->r.count - 1];
    for (int64_t i = 0; i < y->n; i++) {
        int64_t v[3], got = (int64_t)value(y, i);
        for (int k = 0; k < 3; k++)
            v[k] = (int64_t)value(c->x[k], rt_grid_place(&c->g, k, i));
        int64_t want = formula(v);
        want = y->type == RT_U8    ? (uint8_t)want
               : y->type == RT_I8  ? (int8_t)want
               : y->type == RT_I16 ? (int16_t)want
                                   : want;
        if (got != want)
            fail_msg("%s of %s, element %lld: %lld, expected %lld, KERNELS_SEED=%llu", kernel,
                     rt_dtype_name(c->type), (long long)i, (long long)got, (long long)want,
                     (unsigned long long)c->seed);
    }
}

static void check_wholes(whole_case *c)
{
    const rt_kernels *k = rt_kernels_cpu();
    rt_exec *e = rt_exec_cpu();
    const rt_grid *g = &c->g;
    const void *x[] = {c->x[0]->data, c->x[1]->data, c->x[2]->data};
    const rt_numbers none = {{0}}, two = {{2}};
    int64_t n = rt_grid_count(g);
    k->add.f[c->type](e, none, g, x[0], x[1], add(&c->r, n, c->type, true));
    check_formula(c, "add", sum);
    k->lt.f[c->type](e, none, g, x[0], x[1], add(&c->r, n, RT_BOOL, true));
    check_formula(c, "lt", less);
    k->addcmul.f[c->type](e, two, g, x[0], x[1], x[2], add(&c->r, n, c->type, true));
    check_formula(c, "addcmul", sum_and_product);
    k->div_trunc.f[c->type](e, none, g, x[0], x[1], add(&c->r, n, c->type, true));
    check_formula(c, "div_trunc", quotient);
}

/* Sets one divisor that is used to zero: nothing may be computed. */
static void check_zero_divisor(whole_case *c)
{
    int64_t n = rt_grid_count(&c->g);
    if (n == 0)
        return;
    size_t size = rt_dtype_size(c->type);
    memset(c->x[1]->data + (size_t)rt_grid_place(&c->g, 1, pick(&c->r, n)) * size, 0, size);
    uint8_t *y = add(&c->r, n, c->type, true);
    rt_kernels_cpu()->div_trunc.f[c->type](rt_exec_cpu(), (rt_numbers){{0}}, &c->g, c->x[0]->data,
                                           c->x[1]->data, y);
    if (rt_error_code() != RT_E_RANGE || *y != 0xAA)
        fail_msg("div_trunc of %s by a zero, KERNELS_SEED=%llu", rt_dtype_name(c->type),
                 (unsigned long long)c->seed);
    rt_error_clear();
}

static void test_wholes(void **state)
{
    const rt_dtype *type = *state;
    const char *given = getenv("KERNELS_SEED");
    for (uint64_t trial = given ? 0 : first; trial < (given ? 1 : TRIALS); trial += stride) {
        uint64_t seed = given ? strtoull(given, NULL, 10) : 2000 + trial;
        whole_case c = {.r = {.state = seed}, .seed = seed, .type = *type};
        c.r.skew = pick(&c.r, 3);
        c.g = grid(&c.r, 3);
        for (int k = 0; k < 3; k++)
            c.x[k] = wholes(&c.r, *type, extent(&c.g, k), k == 1);
        rt_kernels_set_threads(1 + (int)pick(&c.r, 4));
        check_wholes(&c);
        check_zero_divisor(&c);
        release(&c.r);
    }
}

int main(int argc, char **argv)
{
    uint64_t rng = random_seed("test_kernels");
    bool all = argc > 1 && strcmp(argv[1], "--all") == 0;
    if (argc > 1 && !all)
        cmocka_set_test_filter(argv[1]);
    if (!all) {
        stride = SHARE;
        first = (uint64_t)random_below(&rng, SHARE);
    }
    enum { COUNT = sizeof cases / sizeof *cases, WHOLES = 5 };
    static const rt_dtype wholes_of[WHOLES] = {RT_I64, RT_I32, RT_I16, RT_I8, RT_U8};
    struct CMUnitTest tests[COUNT + WHOLES];
    for (int i = 0; i < COUNT; i++)
        tests[i] =
            (struct CMUnitTest){cases[i].name, test_case_body, NULL, NULL, (void *)&cases[i]};
    for (int i = 0; i < WHOLES; i++)
        tests[COUNT + i] = (struct CMUnitTest){rt_dtype_name(wholes_of[i]), test_wholes, NULL, NULL,
                                               (void *)&wholes_of[i]};
    int failed = cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
    rt_kernels_shutdown();
    return failed;
}
