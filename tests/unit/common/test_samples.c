/* Sample ids: each sample once per epoch, the slices of a step in order, and the fixed values that runs of this version
 * rely on. */
#include "common/base/samples.h"
#include "common/base/slices.h"
#include "tests/unit/common/random.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint64_t rng;

/* These values must never change: a resumed run must continue with the samples that it has not seen. */
static void ids_are_what_they_have_always_been(void **state)
{
    (void)state;
    static const int64_t first[] = {47539, 657, 19587, 57572, 22318, 40285},
                         fourth_epoch[] = {18493, 5872, 7833, 38713, 51838, 34873},
                         of_ten[] = {0, 9, 6, 7, 4, 1};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(rt_sample_id(1337, i, 60000), first[i]);
        assert_int_equal(rt_sample_id(1337, 3 * 60000 + i, 60000), fourth_epoch[i]);
        assert_int_equal(rt_sample_id(7, i, 10), of_ten[i]);
    }
}

static void each_sample_comes_once_an_epoch(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        uint64_t seed = random_bits(&rng);
        int64_t n = 1 + random_below(&rng, 3000), epoch = random_below(&rng, 1000);
        char *seen = calloc((size_t)n, 1);
        for (int64_t p = epoch * n; p < (epoch + 1) * n; p++) {
            int64_t id = rt_sample_id(seed, p, n);
            assert_in_range(id, 0, n - 1);
            assert_int_equal(seen[id]++, 0);
        }
        free(seen);
    }
}

static void slices_of_a_step_follow_each_other_in_the_stream(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        int64_t slices = 1 + random_below(&rng, 9), batch = slices + random_below(&rng, 50);
        rt_sampling p = {random_bits(&rng), 1 + random_below(&rng, 200), batch, slices};
        int64_t step = random_below(&rng, 100), at = step * batch, ids[64];
        for (int64_t s = 0; s < slices; s++) {
            int64_t n = rt_slice_sample_ids(&p, step, s, ids, 64);
            assert_in_range(n, batch / slices, batch / slices + 1);
            for (int64_t i = 0; i < n; i++, at++)
                assert_int_equal(ids[i], rt_sample_id(p.seed, at, p.samples));
        }
        assert_int_equal(at, (step + 1) * batch);
    }
}

static void no_more_ids_are_written_than_asked_for(void **state)
{
    (void)state;
    rt_sampling p = {1, 100, 20, 2};
    int64_t ids[5] = {-1, -1, -1, -1, -1};
    assert_int_equal(rt_slice_sample_ids(&p, 0, 1, ids, 3), 10);
    assert_true(ids[2] >= 0 && ids[3] == -1);
}

static void a_text_says_how_many_it_leaves_out(void **state)
{
    (void)state;
    char text[2000], id[24];
    for (int round = 0; round < 200; round++) {
        size_t size = 64 + (size_t)random_below(&rng, 400);
        rt_sampling p = {random_bits(&rng), 1 + random_below(&rng, (int64_t)1 << 62),
                         1 + random_below(&rng, 80), 1};
        memset(text, '#', sizeof text);
        rt_slice_sample_text(&p, 5, 0, text, size);
        assert_true(strlen(text) < size && text[size] == '#');
        int64_t told = 0, left = 0;
        for (char *at = text; at; at = strchr(at, ','), at = at ? at + 2 : NULL, told++) {
            int n = snprintf(id, sizeof id, "%lld",
                             (long long)rt_sample_id(p.seed, 5 * p.batch + told, p.samples));
            assert_memory_equal(at, id, (size_t)n);
        }
        char *and = strstr(text, " and ");
        if (and)
            sscanf(and, " and %lld more", (long long *)&left);
        assert_int_equal(told + left, p.batch);
    }
}

/* About the given share of slices is audited, drawn independently for each seed, step and slice. */
static void audits_are_drawn_evenly(void **state)
{
    (void)state;
    enum { STEPS = 4000, SLICES = 8 };
    static const double shares[] = {0, 0.01, 0.3, 1};
    uint64_t seed = random_bits(&rng);
    for (int k = 0; k < 4; k++) {
        int64_t picked = 0, of_slice[SLICES] = {0}, again = 0;
        for (int64_t t = 0; t < STEPS; t++)
            for (int64_t s = 0; s < SLICES; s++) {
                bool is = rt_slice_is_audited(seed, shares[k], t, s);
                picked += is;
                of_slice[s] += is;
                again += is && rt_slice_is_audited(seed + 1, shares[k], t, s);
            }
        double all = STEPS * SLICES, even = shares[k] * (1 - shares[k]);
        assert_true(fabs((double)picked - shares[k] * all) <= 6 * sqrt(even * all));
        for (int s = 0; s < SLICES; s++)
            assert_true(fabs((double)of_slice[s] - shares[k] * STEPS) <= 6 * sqrt(even * STEPS));
        assert_true(fabs((double)again - shares[k] * (double)picked) <= 6 * sqrt(even * all));
    }
}

int main(void)
{
    rng = random_seed("test_samples");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_what_they_have_always_been),
        cmocka_unit_test(each_sample_comes_once_an_epoch),
        cmocka_unit_test(slices_of_a_step_follow_each_other_in_the_stream),
        cmocka_unit_test(no_more_ids_are_written_than_asked_for),
        cmocka_unit_test(a_text_says_how_many_it_leaves_out),
        cmocka_unit_test(audits_are_drawn_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
