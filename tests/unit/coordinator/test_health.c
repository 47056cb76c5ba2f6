/* Which worker is silent, which is stalled, which only waits, and how that is described. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/phase.h"
#include "coordinator/machine/health.h"

/* Makes ranks that have all just reported and move. */
static void roster(rt__roster *r, int64_t world)
{
    *r = (rt__roster){0};
    assert_int_equal(rt__roster_reset(r, world), RT_OK);
    for (int64_t k = 0; k < world; k++) {
        rt__member *m = &r->member[k];
        m->joined = true;
        m->pid = 100 + k;
        m->waits_for = -1;
        m->step = 57;
        snprintf(m->host, sizeof m->host, "h%lld", (long long)(k / 2));
    }
}

static void says(rt__roster *r, int64_t rank, double now, int64_t phase, const char *what,
                 double since, double usual, double cpu, int64_t peer)
{
    rt_msg_progress p = {.phase = phase,
                         .what = what,
                         .since = since,
                         .usual = usual,
                         .cpu = cpu,
                         .peer = peer,
                         .snapshot_step = -1};
    rt__roster_take_progress(r, rank, &p, now);
}

static void a_silent_rank_is_named_and_not_those_that_wait(void **state)
{
    (void)state;
    rt__roster r;
    rt__trouble t;
    char text[512];
    roster(&r, 3);
    says(&r, 1, 10, RT_PHASE_FORWARD, "conv2d", 0.01, 0.01, 1, -1);
    for (double now = 10; now < 13; now += 0.5) {
        for (int64_t k = 0; k < 3; k += 2)
            says(&r, k, now, RT_PHASE_REDUCE, "reduce_scatter", now - 10, 0.01, 1, 1);
        assert_false(rt__health_find_trouble(&r, now, 0, &t));
    }
    says(&r, 0, 13.2, RT_PHASE_REDUCE, "reduce_scatter", 3.2, 0.01, 1, 1);
    says(&r, 2, 13.2, RT_PHASE_REDUCE, "reduce_scatter", 3.2, 0.01, 1, 1);
    assert_true(rt__health_find_trouble(&r, 13.2, 0, &t));
    assert_int_equal(t.rank, 1);
    assert_true(t.silent);
    assert_false(rt__health_must_act(&r, &t));
    rt__health_describe(&r, &t, text, sizeof text);
    assert_string_equal(text,
                        "rank 1 on h0 (pid 101) at step 57 has sent nothing for 3.2 s, last in "
                        "forward (conv2d); ranks 0, 2 wait");
    rt__roster_release(&r);
}

/* The rank keeps reporting but does not move, for example because its disk does not answer. */
static void a_rank_that_does_not_move_is_named(void **state)
{
    (void)state;
    rt__roster r;
    rt__trouble t;
    char text[512];
    roster(&r, 2);
    for (double now = 0; now <= 12; now += 0.5) {
        says(&r, 0, now, RT_PHASE_BACKWARD, "matmul", now, 0.02, 1, -1);
        says(&r, 1, now, RT_PHASE_GATHER, "all_gather", now, 0.02, 1, 0);
        assert_int_equal(rt__health_find_trouble(&r, now, 0, &t), now > RT__SILENT_SECONDS);
        if (now > RT__SILENT_SECONDS) {
            assert_int_equal(t.rank, 0);
            assert_false(t.silent);
            assert_int_equal(rt__health_must_act(&r, &t), now > RT__ACT_SECONDS);
        }
    }
    rt__health_describe(&r, &t, text, sizeof text);
    assert_string_equal(text,
                        "rank 0 on h0 (pid 100) at step 57 has not moved for 12.0 s, in backward "
                        "(matmul); rank 1 waits");
    rt__roster_release(&r);
}

/* A worker that is behind, and still reports, does not hide one that is stopped. */
static void a_silent_rank_is_named_before_one_that_is_behind(void **state)
{
    (void)state;
    rt__roster r;
    rt__trouble t;
    roster(&r, 3);
    says(&r, 2, 20, RT_PHASE_FORWARD, "conv2d", 1, 1, 1, -1);
    for (double now = 20; now <= 28; now += 0.5) {
        says(&r, 0, now, RT_PHASE_FORWARD, "conv2d", now - 10, 1, 1, -1);
        says(&r, 1, now, RT_PHASE_REDUCE, "reduce_scatter", now - 19, 1, 1, 0);
        bool late = now - 10 > RT__STALL_FACTOR, silent = now - 20 > RT__SILENT_SECONDS;
        assert_int_equal(rt__health_find_trouble(&r, now, 0, &t), late || silent);
        if (late || silent)
            assert_int_equal(t.rank, silent ? 2 : 0);
    }
    says(&r, 2, 28, RT_PHASE_REDUCE, "reduce_scatter", 0, 1, 1, 0);
    assert_true(rt__health_find_trouble(&r, 28.5, 0, &t));
    assert_int_equal(t.rank, 0);
    rt__roster_release(&r);
}

/* Minutes of computing in a phase of unknown length are no stall, and neither is a phase that always takes long. */
static void long_computing_is_no_stall(void **state)
{
    (void)state;
    rt__roster r;
    rt__trouble t;
    roster(&r, 2);
    for (double now = 0; now < 300; now += 0.5) {
        says(&r, 0, now, RT_PHASE_FORWARD, "conv2d", now, 0, 0.4 * now, -1);
        says(&r, 1, now, RT_PHASE_EVALUATE, "", now, 50, 0, -1);
        assert_false(rt__health_find_trouble(&r, now, 0, &t));
    }
    rt__roster_release(&r);
}

static void a_coordinator_that_was_suspended_blames_nobody(void **state)
{
    (void)state;
    rt__roster r;
    rt__trouble t;
    roster(&r, 2);
    says(&r, 0, 10, RT_PHASE_LOAD, "", 0, 0.01, 1, -1);
    says(&r, 1, 10, RT_PHASE_LOAD, "", 0, 0.01, 1, -1);
    assert_true(rt__health_find_trouble(&r, 40, 0, &t));
    r.member[0].usual = r.member[1].usual = 100;
    assert_false(rt__health_find_trouble(&r, 40, 39, &t));
    assert_true(rt__health_find_trouble(&r, 43, 39, &t));
    rt__roster_release(&r);
}

/* An evaluation may take long. While the coordinator slept, the worker's reports that it computes did not arrive. */
static void a_coordinator_that_wakes_up_waits_for_progress(void **state)
{
    (void)state;
    rt__roster r;
    rt__trouble t;
    roster(&r, 2);
    for (double now = 0; now <= 10; now += 0.5)
        for (int64_t k = 0; k < 2; k++)
            says(&r, k, now, RT_PHASE_EVALUATE, "", now, 0, now, -1);
    assert_false(rt__health_find_trouble(&r, 20, 20, &t));
    says(&r, 0, 20.5, RT_PHASE_EVALUATE, "", 20.5, 0, 20.5, -1);
    says(&r, 1, 20.5, RT_PHASE_EVALUATE, "", 20.5, 0, 10, -1);
    assert_false(rt__health_find_trouble(&r, 22.5, 20, &t));
    assert_true(rt__health_find_trouble(&r, 23.4, 20, &t));
    assert_int_equal(t.rank, 1);
    rt__roster_release(&r);
}

/* All ranks report that they wait for each other, because a message between them was lost. */
static void a_wedge_is_named_by_its_slowest(void **state)
{
    (void)state;
    rt__roster r;
    rt__trouble t;
    char text[512];
    roster(&r, 3);
    r.member[2].step = 56;
    for (int64_t k = 0; k < 3; k++)
        says(&r, k, 9, RT_PHASE_REDUCE, "reduce_scatter", 5, 0.01, 1, (k + 1) % 3);
    assert_true(rt__health_find_trouble(&r, 9, 0, &t));
    assert_true(t.wedged);
    assert_int_equal(t.rank, 2);
    rt__health_describe(&r, &t, text, sizeof text);
    assert_string_equal(text,
                        "rank 2 on h1 (pid 102) at step 56 waits with all the others for 5.0 s, in "
                        "reduce (reduce_scatter); ranks 0, 1 wait");
    says(&r, 1, 9, RT_PHASE_UPDATE, "", 1, 0.01, 1, -1); /* one of them works: no wedge */
    assert_false(rt__health_find_trouble(&r, 9, 0, &t));
    rt__roster_release(&r);
}

static void a_silent_host_is_lost_only_as_a_whole(void **state)
{
    (void)state;
    rt__roster r;
    roster(&r, 4);
    for (int64_t k = 0; k < 4; k++)
        says(&r, k, 20, RT_PHASE_REDUCE, "", 0, 0.01, 1, 0);
    says(&r, 0, 26, RT_PHASE_REDUCE, "", 0, 0.01, 1, 2);
    assert_true(rt__health_host_lost(&r, 2, "away", 26, 0));
    assert_false(
        rt__health_host_lost(&r, 2, r.member[1].host, 26, 0)); /* 1 on our host is silent, too */
    assert_false(
        rt__health_host_lost(&r, 1, "away", 26, 0)); /* rank 0 of the same host has reported */
    assert_false(rt__health_host_lost(&r, 2, "away", 24, 0)); /* not long enough */
    assert_false(rt__health_host_lost(&r, 2, "away", 40, 0)); /* all are silent: it may be us */
    rt__roster_release(&r);
}

static void finished_ranks_hold_up_nobody(void **state)
{
    (void)state;
    rt__roster r;
    rt__trouble t;
    roster(&r, 2);
    r.member[0].finished = true;
    says(&r, 1, 100, RT_PHASE_FINISH, "", 0, 0, 1, -1);
    assert_false(rt__health_find_trouble(&r, 101, 0, &t));
    rt__roster_release(&r);
}

static void a_wedge_is_seen_beside_finished_ranks(void **state)
{
    (void)state;
    rt__roster r;
    rt__trouble t;
    roster(&r, 3);
    r.member[0].finished = true;
    for (int64_t k = 1; k < 3; k++)
        says(&r, k, 9, RT_PHASE_REDUCE, "reduce_scatter", 5, 0.01, 1, 3 - k);
    assert_true(rt__health_find_trouble(&r, 9, 0, &t));
    assert_true(t.wedged);
    rt__roster_release(&r);
}

/* What the workers sent meanwhile has yet to be read. */
static void a_coordinator_that_wakes_up_sees_no_wedge_at_once(void **state)
{
    (void)state;
    rt__roster r;
    rt__trouble t;
    roster(&r, 2);
    for (int64_t k = 0; k < 2; k++)
        says(&r, k, 9, RT_PHASE_REDUCE, "reduce_scatter", 5, 0.01, 1, 1 - k);
    assert_false(rt__health_find_trouble(&r, 9.5, 9, &t));
    assert_true(rt__health_find_trouble(&r, 9.5, 0, &t));
    rt__roster_release(&r);
}

static void of_several_the_one_in_trouble_for_longest_is_named(void **state)
{
    (void)state;
    for (int64_t longest = 0; longest < 2; longest++) {
        rt__roster r;
        rt__trouble t;
        roster(&r, 2);
        for (int64_t k = 0; k < 2; k++)
            says(&r, k, k == longest ? 8 : 10, RT_PHASE_FORWARD, "", 0, 0.01, 1, -1);
        assert_true(rt__health_find_trouble(&r, 14, 0, &t));
        assert_int_equal(t.rank, longest);
        assert_true(t.seconds == 6);
        rt__roster_release(&r);
    }
}

/* A disk may take long, but it does not keep a worker from reporting. */
static void phases_of_the_disk_get_more_time(void **state)
{
    (void)state;
    static const int64_t disk[] = {RT_PHASE_LOAD, RT_PHASE_CHECKPOINT, RT_PHASE_FINISH,
                                   RT_PHASE_RESTORE, RT_PHASE_START};
    rt__roster r;
    roster(&r, 1);
    rt__trouble t = {.seconds = RT__ACT_SECONDS + 1};
    r.member[0].phase = RT_PHASE_REDUCE;
    assert_true(rt__health_must_act(&r, &t));
    for (size_t i = 0; i < sizeof disk / sizeof *disk; i++) {
        r.member[0].phase = disk[i];
        t = (rt__trouble){.seconds = RT__ACT_SECONDS + 1};
        assert_false(rt__health_must_act(&r, &t));
        t.silent = true;
        assert_true(rt__health_must_act(&r, &t));
        t = (rt__trouble){.seconds = RT__ACT_DISK_SECONDS + 1};
        assert_true(rt__health_must_act(&r, &t));
    }
    rt__roster_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_rank_is_named_and_not_those_that_wait),
        cmocka_unit_test(a_rank_that_does_not_move_is_named),
        cmocka_unit_test(a_silent_rank_is_named_before_one_that_is_behind),
        cmocka_unit_test(long_computing_is_no_stall),
        cmocka_unit_test(a_coordinator_that_was_suspended_blames_nobody),
        cmocka_unit_test(a_coordinator_that_wakes_up_waits_for_progress),
        cmocka_unit_test(a_wedge_is_named_by_its_slowest),
        cmocka_unit_test(a_silent_host_is_lost_only_as_a_whole),
        cmocka_unit_test(finished_ranks_hold_up_nobody),
        cmocka_unit_test(a_wedge_is_seen_beside_finished_ranks),
        cmocka_unit_test(a_coordinator_that_wakes_up_sees_no_wedge_at_once),
        cmocka_unit_test(of_several_the_one_in_trouble_for_longest_is_named),
        cmocka_unit_test(phases_of_the_disk_get_more_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
