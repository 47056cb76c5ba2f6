/* One driver for all structured kernels (cases.def) and all rows of elementwise.def, of each float type. Each case is run on random shapes (zero sizes and ragged tails among them) and must, on every level this machine has,
 *   - agree with the reference level within the tolerance of its row,
 *   - give the same bits with 1, 2, 3 and 4 threads, and with buffers that are not aligned,
 *   - give the same bits on avx2 and avx512, when the machine has both.
 * KERNELS_SEED=n repeats a run. */
#include "cases.h"

enum { TRIALS = 12 };

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

static void check_same_bits(const char *what, const run *got, const run *want)
{
    for (int o = 0; o < want->count; o++)
        if (want->b[o].is_out && memcmp(got->b[o].data, want->b[o].data,
                                        (size_t)want->b[o].n * rt_dtype_size(want->b[o].type)))
            fail_msg("%s: output %d differs in its bits", what, o);
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
    for (int threads = 2; threads <= 4; threads++) {
        run other = execute(c, k, seed, threads % 4, threads);
        snprintf(what, sizeof what, "%s on %s with %d threads, unaligned by %d, KERNELS_SEED=%llu",
                 c->name, level, threads, threads % 4, (unsigned long long)seed);
        check_same_bits(what, &other, &one);
        release(&other);
    }
    if (!strcmp(level, "avx512")) {
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
    for (uint64_t trial = 0; trial < (given ? 1 : TRIALS); trial++) {
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

int main(void)
{
    enum { COUNT = sizeof cases / sizeof *cases };
    struct CMUnitTest tests[COUNT];
    for (int i = 0; i < COUNT; i++)
        tests[i] =
            (struct CMUnitTest){cases[i].name, test_case_body, NULL, NULL, (void *)&cases[i]};
    int failed = cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
    rt_kernels_shutdown();
    return failed;
}
