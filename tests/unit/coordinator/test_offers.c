/* Offers of snapshots: the newest step that is complete, whichever ranks left its pieces. Also sums that must be equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/mem.h"
#include "coordinator/machine/offers.h"
#include "coordinator/machine/sums.h"
#include "tests/support/offer.h"

/* Each offer is five numbers, in the order of its row. */
static void offer(rt__offers *o, int64_t holder, const int64_t *numbers, int64_t count)
{
    rt_msg_offer offers[8];
    assert_true(count <= 8);
    for (int64_t i = 0; i < count; i++)
        offers[i] = offer_of(numbers + 5 * i);
    rt_msg_hello h = {.rank = holder, .offers = offers, .offers_count = count};
    assert_int_equal(rt__offers_add(o, &h), RT_OK);
}

#define OFFER(o, holder, ...)                                                                      \
    offer(o, holder, (const int64_t[]){__VA_ARGS__},                                               \
          (int64_t)(sizeof((const int64_t[]){__VA_ARGS__}) / (5 * sizeof(int64_t))))

static const rt__doubts none = {0};

static int64_t newest(const rt__offers *o, int64_t least, rt__doubts doubts, char *text,
                      size_t size)
{
    rt_msg_piece *p;
    int64_t n, step = rt__offers_newest(o, 100, least, &doubts, &p, &n);
    size_t used = 0;
    text[0] = '\0';
    for (int64_t i = 0; i < n && step >= 0; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%lld-%lld:g%lldr%lld@%lld", i ? " " : "",
                             (long long)p[i].begin, (long long)p[i].end, (long long)p[i].generation,
                             (long long)p[i].rank, (long long)p[i].holder);
    rt_mem_free(p);
    return step;
}

/* Rank 1 has finished step 8, and rank 0 was killed before that: both have step 7. */
static void the_newest_step_that_all_have_is_taken(void **state)
{
    (void)state;
    rt__offers o = {0};
    char text[256];
    OFFER(&o, 0, 1, 0, 6, 0, 60, 1, 0, 7, 0, 60, 1, 1, 7, 60, 100, 1, 1, 8, 60, 100);
    assert_int_equal(newest(&o, 0, none, text, sizeof text), 7);
    assert_string_equal(text, "0-60:g1r0@0 60-100:g1r1@0");
    assert_int_equal(newest(&o, 8, none, text, sizeof text), -1);
    rt__offers_release(&o);
}

static void pieces_of_several_generations_fit_together(void **state)
{
    (void)state;
    rt__offers o = {0};
    char text[256];
    OFFER(&o, 2, 1, 0, 9, 0, 50, 2, 1, 9, 30, 70);
    OFFER(&o, 3, 2, 2, 9, 70, 100, 2, 0, 9, 0, 30);
    assert_int_equal(newest(&o, 0, none, text, sizeof text), 9);
    assert_string_equal(text, "0-50:g1r0@2 50-70:g2r1@2 70-100:g2r2@3");
    rt__offers_release(&o);
}

/* Blocks are of one size, so what the last rank holds may be longer than the parameters. */
static void a_piece_ends_with_the_elements(void **state)
{
    (void)state;
    rt__offers o = {0};
    char text[256];
    OFFER(&o, 0, 1, 0, 9, 0, 60, 1, 1, 9, 60, 128);
    assert_int_equal(newest(&o, 0, none, text, sizeof text), 9);
    assert_string_equal(text, "0-60:g1r0@0 60-100:g1r1@0");
    rt__offers_release(&o);
}

static void a_gap_is_no_snapshot(void **state)
{
    (void)state;
    rt__offers o = {0};
    char text[256];
    OFFER(&o, 0, 1, 0, 9, 0, 50, 1, 1, 9, 51, 100, 1, 0, 4, 0, 100);
    assert_int_equal(newest(&o, 0, none, text, sizeof text), 4);
    assert_int_equal(newest(&o, 5, none, text, sizeof text), -1);
    rt__offers_release(&o);
}

/* After a corruption in generation 3, only its steps up to 10 are good, and all steps of generation 4. */
static void a_doubt_rules_out_later_steps(void **state)
{
    (void)state;
    rt__offers o = {0};
    char text[256];
    OFFER(&o, 0, 3, 0, 11, 0, 100, 3, 0, 10, 0, 100);
    assert_int_equal(newest(&o, 0, none, text, sizeof text), 11);
    assert_int_equal(newest(&o, 0, ((rt__doubts){{{3, 10}}, 1}), text, sizeof text), 10);
    assert_int_equal(newest(&o, 0, ((rt__doubts){{{3, 9}}, 1}), text, sizeof text), -1);
    OFFER(&o, 0, 4, 0, 11, 0, 100);
    assert_int_equal(newest(&o, 0, ((rt__doubts){{{3, 9}}, 1}), text, sizeof text), 11);
    rt__offers_release(&o);
}

/* A later doubt does not lift earlier ones; if there are too many to keep, more is ruled out rather than less. */
static void earlier_doubts_stay_in_force(void **state)
{
    (void)state;
    rt__offers o = {0};
    rt__doubts d = {0};
    char text[256];
    rt__doubts_add(&d, (rt__doubt){1, 3});
    rt__doubts_add(&d, (rt__doubt){5, 6});
    OFFER(&o, 0, 1, 0, 5, 0, 100, 5, 0, 4, 0, 100);
    assert_int_equal(newest(&o, 0, d, text, sizeof text), 4);
    OFFER(&o, 0, 5, 0, 6, 0, 100, 5, 0, 7, 0, 100);
    assert_int_equal(newest(&o, 0, d, text, sizeof text), 6);
    rt__doubts_add(&d, (rt__doubt){6, 3});
    assert_int_equal(d.count, 1);
    assert_int_equal(newest(&o, 0, d, text, sizeof text), -1);
    for (int i = 1; i <= RT__DOUBTS; i++)
        rt__doubts_add(&d, (rt__doubt){10 + i, 10 * i});
    assert_int_equal(d.count, RT__DOUBTS);
    OFFER(&o, 0, 11, 0, 10, 0, 100, 12, 0, 20, 0, 100);
    assert_int_equal(newest(&o, 0, d, text, sizeof text), 20);
    OFFER(&o, 0, 11, 0, 21, 0, 100); /* 11 is now doubted from step 3 on */
    assert_int_equal(newest(&o, 0, d, text, sizeof text), 20);
    rt__offers_release(&o);
}

/* Random pieces at random steps: whether a step is covered must agree with a naive check of every element. */
static void random_pieces_agree_with_a_naive_check(void **state)
{
    (void)state;
    enum { N = 24, STEPS = 3 };
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        uint64_t r = seed * 0x9e3779b97f4a7c15u;
        rt__offers o = {0};
        bool have[STEPS][N] = {{false}};
        for (int k = 0; k < 12; k++) {
            r = r * 6364136223846793005u + 1442695040888963407u;
            int64_t step = (int64_t)(r >> 60) % STEPS, begin = (int64_t)(r >> 50) % N;
            int64_t end = begin + 1 + (int64_t)(r >> 40) % 8;
            end = end < N ? end : N;
            OFFER(&o, k, 1, k, step, begin, end);
            for (int64_t i = begin; i < end; i++)
                have[step][i] = true;
        }
        rt_msg_piece *p;
        int64_t want = -1, n;
        for (int64_t s = 0; s < STEPS; s++) {
            bool all = true;
            for (int i = 0; i < N; i++)
                all &= have[s][i];
            want = all ? s : want;
        }
        int64_t got = rt__offers_newest(&o, N, 0, &none, &p, &n), at = 0;
        if (got != want)
            fail_msg("seed %llu: step %lld, expected %lld", (unsigned long long)seed,
                     (long long)got, (long long)want);
        for (int64_t i = 0; i < n && got >= 0; i++) {
            assert_int_equal(p[i].begin, at);
            at = p[i].end;
        }
        assert_true(got < 0 || at == N);
        rt_mem_free(p);
        rt__offers_release(&o);
    }
}

static void impossible_offers_are_refused(void **state)
{
    (void)state;
    rt__offers o = {0};
    const int64_t bad[][5] = {{1, 0, -1, 0, 5}, {1, 0, 3, 6, 5}, {1, 0, 3, -1, 5}};
    for (int i = 0; i < 3; i++) {
        rt_msg_offer offer = offer_of(bad[i]);
        rt_msg_hello h = {.offers = &offer, .offers_count = 1};
        assert_int_equal(rt__offers_add(&o, &h), RT_E_PROTOCOL);
        rt_error_clear();
    }
    assert_int_equal(o.count, 0);
    rt__offers_release(&o);
}

static void traces_are_found_by_rank(void **state)
{
    (void)state;
    rt__offers o = {0};
    const rt_msg_trace traces[] = {
        {.generation = 2, .rank = 0, .step = 17, .slice = 3, .phase = RT_PHASE_BACKWARD},
        {.generation = 2, .rank = 1, .step = 18, .slice = -1, .phase = RT_PHASE_GATHER}};
    rt_msg_hello h = {.traces = traces, .traces_count = 2};
    assert_int_equal(rt__offers_add(&o, &h), RT_OK);
    assert_int_equal(rt__offers_find_trace(&o, 2, 1)->step, 18);
    assert_null(rt__offers_find_trace(&o, 1, 1));
    rt__offers_release(&o);
}

static void add_evaluation(rt__offers *o, int64_t generation, int64_t step)
{
    rt_evaluated e = {.step = step, .count = 10, .seconds = 1};
    rt_metrics_add(&e.metrics, "loss", 0.5);
    e.best = (rt_best){step, e.metrics};
    char *text = rt_evaluated_text(&e, generation);
    rt_msg_hello h = {.evaluations = (const char *const[]){text}, .evaluations_count = 1};
    assert_int_equal(rt__offers_add(o, &h), RT_OK);
    rt_mem_free(text);
}

/* Evaluations come in order of steps, up to the step from which the run goes on; those of a state in doubt do not count. */
static void evaluations_come_in_order(void **state)
{
    (void)state;
    rt__offers o = {0};
    static const int64_t made[][2] = {{2, 40}, {2, 20}, {1, 30}, {2, 30}, {3, 60}, {2, 10}};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        add_evaluation(&o, made[i][0], made[i][1]);
    static const struct {
        int64_t doubt_generation, doubt_step, after, most, step, generation;
    } rows[] = {
        {0, 0, 0, 50, 10, 2},   {0, 0, 10, 50, 20, 2},  {0, 0, 20, 50, 30, 1},
        {0, 0, 30, 50, 40, 2},  {0, 0, 40, 50, -1, 0},  {0, 0, 40, 60, 60, 3},
        {1, 20, 20, 50, 30, 2}, {2, 20, 20, 60, 60, 3}, {3, 20, 20, 60, -1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__doubts d = {0};
        if (rows[i].doubt_generation > 0)
            rt__doubts_add(&d, (rt__doubt){rows[i].doubt_generation, rows[i].doubt_step});
        const rt__found_evaluation *e = rt__offers_evaluation(&o, rows[i].after, rows[i].most, &d);
        if ((e ? e->figures.step : -1) != rows[i].step ||
            (e && e->generation != rows[i].generation))
            fail_msg("row %zu: step %lld", i, e ? (long long)e->figures.step : -1);
    }
    rt__offers_release(&o);
}

static void impossible_evaluations_are_refused(void **state)
{
    (void)state;
    rt__offers o = {0};
    static const char good[] = "{\"generation\":2,\"step\":40,\"count\":10,\"seconds\":1,\"loss\":"
                               "0.5,\"best\":{\"step\":20}}";
    static const char *const bad[] = {
        "",
        "[]",
        "{\"generation\":2,",
        "{\"generation\":-1,\"step\":40,\"count\":10,\"loss\":0.5}",
        "{\"generation\":2,\"step\":-5,\"count\":10,\"loss\":0.5}",
        "{\"generation\":2,\"step\":\"x\",\"count\":10,\"loss\":0.5}",
        "{\"generation\":2,\"step\":40,\"count\":-1,\"loss\":0.5}",
        "{\"generation\":2,\"step\":40,\"count\":10}",
        "{\"generation\":2,\"step\":40,\"count\":10,\"loss\":0.5,\"best\":{\"step\":41}}",
        "{\"generation\":2,\"step\":40,\"count\":10,\"loss\":0.5,\"best\":{\"step\":-1}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const both[] = {good, bad[i]};
        rt_msg_hello h = {.evaluations = both, .evaluations_count = 2};
        if (rt__offers_add(&o, &h) == RT_OK)
            fail_msg("%s", bad[i]);
        rt_error_clear();
        assert_int_equal(o.evaluations, 0);
    }
    rt_msg_hello h = {.evaluations = (const char *const[]){good}, .evaluations_count = 1};
    assert_int_equal(rt__offers_add(&o, &h), RT_OK);
    assert_int_equal(o.evaluations, 1);
    rt__offers_release(&o);
}

/* ---- sums ---- */

static rt__verdict add_sum(rt__sums *s, int64_t world, int64_t rank, int64_t step, int64_t slice,
                           bool owner, int64_t sum)
{
    rt__verdict v;
    rt_msg_checksum m = {.step = step, .slice = slice, .owner = owner, .sum = sum};
    assert_int_equal(rt__sums_add(s, world, rank, &m, &v), RT_OK);
    return v;
}

static void a_rank_in_the_minority_is_named(void **state)
{
    (void)state;
    rt__sums s = {.agreed_step = 0};
    add_sum(&s, 3, 0, 50, -1, false, 7);
    add_sum(&s, 3, 2, 50, -1, false, 9);
    assert_false(add_sum(&s, 3, 2, 50, -1, false, 7).complete); /* sent twice: the first counts */
    rt__verdict v = add_sum(&s, 3, 1, 50, -1, false, 7);
    assert_true(v.complete && v.differ);
    assert_int_equal(v.count, 1);
    assert_int_equal(v.ranks[0], 2);
    assert_int_equal(s.agreed_step, 0);
    for (int64_t k = 0; k < 3; k++) /* wrong states may agree a step later */
        v = add_sum(&s, 3, k, 60, -1, false, 5);
    assert_true(v.complete && !v.differ);
    assert_int_equal(s.agreed_step, 0);
    rt__sums_release(&s);
    s = (rt__sums){0};
    for (int64_t k = 0; k < 3; k++)
        add_sum(&s, 3, k, 60, -1, false, 5);
    assert_int_equal(s.agreed_step, 60);
    assert_int_equal(s.count, 0);
    rt__sums_release(&s);
}

static void without_a_majority_all_are_named(void **state)
{
    (void)state;
    rt__sums s = {0};
    add_sum(&s, 4, 0, 1, 2, true, 100); /* slice 2 of step 1: owner and auditor */
    rt__verdict v = add_sum(&s, 4, 3, 1, 2, false, 101);
    assert_true(v.complete && v.differ);
    assert_int_equal(v.count, 2);
    assert_int_equal(v.ranks[0], 0);
    assert_int_equal(v.ranks[1], 3);
    rt__sums_release(&s);
}

static void incomplete_sums_are_forgotten(void **state)
{
    (void)state;
    rt__sums s = {0};
    for (int64_t step = 0; step < 3 * RT__SUMS_OPEN; step++)
        add_sum(&s, 2, 0, step, -1, false, 1);
    assert_int_equal(s.count, RT__SUMS_OPEN);
    assert_true(add_sum(&s, 2, 1, 3 * RT__SUMS_OPEN - 1, -1, false, 1).complete);
    rt__sums_clear(&s);
    assert_int_equal(s.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_step_that_all_have_is_taken),
        cmocka_unit_test(pieces_of_several_generations_fit_together),
        cmocka_unit_test(a_gap_is_no_snapshot),
        cmocka_unit_test(a_piece_ends_with_the_elements),
        cmocka_unit_test(a_doubt_rules_out_later_steps),
        cmocka_unit_test(earlier_doubts_stay_in_force),
        cmocka_unit_test(random_pieces_agree_with_a_naive_check),
        cmocka_unit_test(impossible_offers_are_refused),
        cmocka_unit_test(traces_are_found_by_rank),
        cmocka_unit_test(evaluations_come_in_order),
        cmocka_unit_test(impossible_evaluations_are_refused),
        cmocka_unit_test(a_rank_in_the_minority_is_named),
        cmocka_unit_test(without_a_majority_all_are_named),
        cmocka_unit_test(incomplete_sums_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
