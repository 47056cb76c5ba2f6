/* What outlives a loss: states in doubt, data that crash workers, hosts. */
#include "takeover.h"

/* ---- bits that differ ---- */

/* Begins a run with one more setting, up to a generation that makes steps. */
static void begin_with(machine *m, int workers, const char *set)
{
    rt__history history;
    machine_configure(m, workers);
    assert_int_equal(rt_config_set(&m->cfg, set), RT_OK);
    assert_int_equal(rt__history_init(&history), RT_OK);
    machine_begin(m, history, false);
    machine_feed(m, 1, "launcher 0");
    machine_feed(m, 1, "recovered 0");
    for (int k = 0; k < workers; k++) {
        char hello[24];
        snprintf(hello, sizeof hello, "hello %d", k);
        machine_feed(m, 1, hello);
    }
    machine_feed(m, 1, "layout");
    assert_int_equal(m->run.phase, RT__RUN);
    machine_done(m);
}

static void a_rank_that_differs_is_named_and_nothing_of_it_is_kept(void **state)
{
    (void)state;
    machine m;
    begin_with(&m, 3, "run.hash_every=10");
    for (int k = 0; k < 3; k++) {
        char event[40];
        snprintf(event, sizeof event, "piece %d 40", k);
        machine_feed(&m, 2, event);
    }
    assert_string_equal(machine_done(&m), ""); /* complete, but not compared */
    machine_feed(&m, 2, "sum 0 40 7");
    machine_feed(&m, 2, "sum 2 40 7");
    expect_feed(&m, 2, "sum 1 40 7", "journal:committing commit:40");
    machine_feed(&m, 2, "committed 40");
    machine_feed(&m, 2, "report 50");
    machine_feed(&m, 2, "sum 0 50 8");
    machine_feed(&m, 2, "sum 2 50 9");
    machine_done(&m);
    expect_feed(&m, 3, "sum 1 50 8", "journal:doubt event:corruption END_GENERATION>l");
    assert_non_null(strstr(m.run.cause.text, "worker 2 on box"));
    expect_feed(&m, 4, "exited 1 143 0 -1", "journal:exited event:worker_lost again<=40");
    machine_feed(&m, 4, "recovered 40");
    machine_feed(&m, 4, "hello 0 0 0 51"); /* in memory, after the corruption */
    machine_feed(&m, 4, "hello 1");
    machine_feed(&m, 4, "hello 2");
    assert_int_equal(m.run.phase, RT__RUN);
    assert_int_equal(m.run.source.step, 40);
    machine_done(&m);
    expect_feed(&m, 5, "report 50",
                "metrics event:recovered journal:recovered"); /* the right one */
    machine_release(&m);
}

/* A step that is not finite once may be an accident; twice it is not. */
/* A generation is abandoned for another reason, and a difference is found only then: what it has left in memory is not used. */
static void a_difference_found_too_late_to_act_is_not_forgotten(void **state)
{
    (void)state;
    machine m;
    char fault[24];
    snprintf(fault, sizeof fault, "fault 1 %d", RT_E_IO);
    begin_with(&m, 2, "run.hash_every=10");
    machine_feed(&m, 2, "report 40");
    machine_feed(&m, 2, "sum 0 40 7");
    machine_feed(&m, 2, "sum 1 40 7");
    machine_feed(&m, 2, fault);
    assert_int_equal(m.run.phase, RT__REGROUP);
    machine_done(&m);
    expect_feed(&m, 3, "sum 0 50 8", "");
    expect_feed(&m, 3, "sum 1 50 9", "");
    expect_feed(&m, 4, "exited 1 1 0 1",
                "journal:doubt event:corruption journal:exited event:worker_lost again<=40");
    machine_release(&m);
}

/* The same for an adopted generation whose job ends before RECOVERED arrives. */
static void a_difference_found_while_taking_over_is_not_forgotten(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    machine_feed(&dead, 2, "report 10");
    take_over(&m, &dead);
    static const char *const events[] = {"launcher 1", "hello 0 44 1", "hello 1 44 1", "sum 0 44 7",
                                         "sum 1 44 8"};
    for (int i = 0; i < 5; i++)
        machine_feed(&m, 3, events[i]);
    assert_int_equal(m.run.phase, RT__REJOIN);
    machine_done(&m);
    expect_feed(&m, 4, "exited 1 137 9 1", "event:corruption event:worker_lost again<=0");
    machine_feed(&m, 4, "recovered 0");
    machine_feed(&m, 4, "hello 0 0 0 44");
    machine_feed(&m, 4, "hello 1");
    assert_int_equal(m.run.phase, RT__RUN);
    assert_int_equal(m.run.source.step, 0);
    machine_release(&dead);
    machine_release(&m);
}

static void not_finite_restarts_once_from_a_checkpoint(void **state)
{
    (void)state;
    machine m;
    begin_with(&m, 2, "run.nan_loss=restart-from-checkpoint");
    expect_feed(&m, 2, "fault 0 -29", ""); /* it does not know why */
    expect_feed(&m, 2, "tick", "");
    expect_feed(&m, 2, "fault 1 -29 2", "journal:doubt journal:not_finite END_GENERATION>l");
    machine_feed(&m, 2, "exited 1 1 0 -1");
    assert_string_equal(machine_done(&m), "journal:exited event:worker_lost again<=0");
    assert_string_equal(m.run.recovery.cause, "worker 1: it broke here");
    machine_feed(&m, 3, "recovered 0");
    machine_feed(&m, 3, "hello 0 0 0 5");
    machine_feed(&m, 3, "hello 1");
    assert_int_equal(m.run.source.step, 0);
    machine_done(&m);
    expect_feed(&m, 4, "fault 1 -29 2", "END_GENERATION>l");
    assert_int_equal(m.run.phase, RT__FAILING);
    assert_string_equal(m.run.failure,
                        "worker 1: it broke here: again after a restart from a checkpoint");
    assert_int_equal(m.run.next, RT_NEXT_OTHER_RATE); /* a resumed run would fail again */
    machine_release(&m);
}

/* Once the run has failed, reports about a step that is not finite change nothing. */
static void a_run_that_has_failed_stays_failed(void **state)
{
    (void)state;
    machine m;
    begin_with(&m, 2, "run.nan_loss=restart-from-checkpoint");
    m.cfg.run.nan_skip_limit = 1;
    expect_feed(&m, 2, "fault 0 -29", "");
    expect_feed(&m, 2, "skipped 5", "event:step_skipped journal:skipped END_GENERATION>l");
    assert_int_equal(m.run.phase, RT__FAILING);
    expect_feed(&m, 2.5 + RT__BLAME_SECONDS, "tick", "");
    assert_int_equal(m.run.phase, RT__FAILING);
    expect_feed(&m, 4, "exited 1 1 0 -1", "event:failed journal:end summary:failed RUN_ENDED>l");
    machine_release(&m);
}

/* Steps count even if no report has arrived about them, so that the summary and the failure name the same step. */
static void steps_before_a_failure_are_counted(void **state)
{
    (void)state;
    machine m;
    begin_with(&m, 2, "run.nan_loss=stop");
    machine_feed(&m, 2, "report 10");
    machine_feed(&m, 2, "fault 1 -29 2 12");
    machine_feed(&m, 2, "exited 1 1 0 -1");
    assert_int_equal(m.run.phase, RT__FAILED);
    assert_int_equal(summary_int(&m, "steps"), 12);
    machine_release(&m);
}

/* Perhaps no slice is to blame, for example if only the sum of all losses overflows. */
static void not_finite_without_a_culprit(void **state)
{
    (void)state;
    machine m;
    begin_with(&m, 2, "run.nan_loss=stop");
    expect_feed(&m, 2, "fault 1 -29", "");
    expect_feed(&m, 2 + RT__BLAME_SECONDS, "tick", "END_GENERATION>l");
    assert_string_equal(m.run.failure, "worker 1: it broke");
    machine_release(&m);
    begin_with(&m, 2, "run.nan_loss=stop");
    expect_feed(&m, 2, "fault 1 -29", "");
    machine_feed(&m, 2, "exited 1 1 0 -1"); /* sooner than that */
    assert_string_equal(m.run.failure, "worker 1: it broke");
    assert_true(rt__run_ended(&m.run));
    machine_release(&m);
}

/* A checkpoint is being committed: the restart is from that one, not from the one before it. */
static void not_finite_during_a_commit(void **state)
{
    (void)state;
    machine m;
    static const char *const events[] = {"report 50", "piece 0 50", "piece 1 50", "fault 0 -29 1"};
    begin_with(&m, 2, "run.nan_loss=restart-from-checkpoint");
    for (int i = 0; i < 4; i++)
        machine_feed(&m, 1, events[i]);
    machine_done(&m);
    expect_feed(&m, 2, "exited 1 1 0 -1", "journal:exited event:worker_lost again<=50");
    expect_feed(&m, 2, "committed 50", "event:checkpoint journal:commit");
    machine_release(&m);
}

/* The coordinator dies after it has found a wrong rank and before it has ended the generation. */
static void a_doubted_generation_is_not_taken_over(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    rt_config_set(&dead.cfg, "run.hash_every=10");
    machine_feed(&dead, 2, "sum 0 50 8");
    machine_feed(&dead, 2, "sum 1 50 9");
    assert_int_equal(rt__doubts_last(&dead.run.history.doubts).generation, 1);
    take_over(&m, &dead);
    machine_feed(&m, 3, "launcher 1");
    machine_feed(&m, 3, "recovered 0");
    machine_feed(&m, 3, "hello 0 51 1");
    machine_done(&m);
    expect_feed(&m, 3, "hello 1 51 1", "END_GENERATION>l");
    assert_int_equal(m.run.phase, RT__REGROUP);
    machine_release(&dead);
    machine_release(&m);
}

/* A worker that outlived its job overwrites a snapshot that was offered. Then its newer snapshots are good, so nothing is in doubt. A snapshot
 * that is altered is, and so is one that is offered again and is gone again. */
static void a_snapshot_that_is_gone_is_in_doubt_only_if_it_is_so_again(void **state)
{
    (void)state;
    enum { GENERATIONS = 3 };
    static const struct {
        int code[GENERATIONS],
            step[GENERATIONS]; /* why generations 2 to 4 cannot restore which snapshot */
        const char *effects[GENERATIONS];
    } rows[] = {
        {{RT_E_NOTFOUND, RT_E_NOTFOUND, RT_E_NOTFOUND},
         {5, 7, 7},
         {"END_GENERATION>l", "END_GENERATION>l", "journal:doubt END_GENERATION>l"}},
        {{RT_E_NOTFOUND, RT_E_CORRUPT, RT_E_NOTFOUND},
         {5, 7, 6},
         {"END_GENERATION>l", "journal:doubt END_GENERATION>l", "END_GENERATION>l"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        machine m;
        begin_with(&m, 2, "run.max_restarts=10");
        machine_feed(&m, 2, "exited 1 137 9 1");
        for (int k = 0; k < GENERATIONS; k++) {
            char hello[32], fault[32], exited[32];
            double now = 10 * (k + 1);
            snprintf(hello, sizeof hello, "hello 0 0 0 %d", rows[i].step[k]);
            snprintf(fault, sizeof fault, "fault 0 %d", rows[i].code[k]);
            snprintf(exited, sizeof exited, "exited %d 2 0 0", k + 2);
            machine_feed(&m, now, "tick");
            machine_feed(&m, now, "recovered 0");
            machine_feed(&m, now, hello);
            machine_feed(&m, now, "hello 1");
            assert_int_equal(m.run.source.step, rows[i].step[k]);
            machine_done(&m);
            expect_feed(&m, now, fault, rows[i].effects[k]);
            machine_feed(&m, now, exited);
        }
        machine_release(&m);
    }
}

/* A coordinator that takes over knows of the step that was not finite. */
static void not_finite_is_known_to_a_successor(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    rt_config_set(&dead.cfg, "run.nan_loss=restart-from-checkpoint");
    machine_feed(&dead, 2, "evaluated 60");
    assert_int_equal(dead.run.history.evaluated_step, 60);
    machine_feed(&dead, 2, "fault 0 -29 1");
    assert_int_equal(dead.run.history.evaluated_step, -1); /* of a state in doubt */
    take_over(&m, &dead);
    assert_int_equal(m.run.history.not_finite_step, dead.run.history.not_finite_step);
    machine_release(&dead);
    machine_release(&m);
}

/* A slice that kills every rank that computes it fails the run, and its samples are named. */
static void a_slice_that_crashes_three_times_fails_the_run(void **state)
{
    (void)state;
    machine m;
    machine_configure(&m, 2);
    rt_config_set(&m.cfg, "run.max_restarts=10");
    rt__history history;
    assert_int_equal(rt__history_init(&history), RT_OK);
    machine_begin(&m, history, false);
    machine_feed(&m, 0, "launcher 0");
    for (int g = 1; g <= 4; g++) {
        double now = 10.0 * g;
        char event[64];
        machine_feed(&m, now, "tick");
        machine_feed(&m, now, "recovered 0");
        assert_int_equal(m.run.phase, RT__GATHER);
        rt_msg_body body = machine_hello(&m, 0, "avx2");
        const rt_msg_trace died = {
            .generation = g - 1, .rank = 1, .step = 17, .slice = 3, .phase = RT_PHASE_FORWARD};
        body.hello.traces = &died;
        body.hello.traces_count = g > 1;
        machine_worker(&m, now, 0, RT_MSG_HELLO, body);
        machine_feed(&m, now, "hello 1");
        if (g < 4)
            assert_int_equal(m.run.phase, RT__RUN);
        snprintf(event, sizeof event, "exited %d 139 11 1", g);
        machine_feed(&m, now + 1, event);
    }
    assert_true(rt__run_failed(&m.run));
    assert_int_equal(m.run.next, RT_NEXT_NOTHING);
    assert_non_null(strstr(m.message, "slice 3 of step 18"));
    assert_non_null(strstr(m.message, "samples"));
    machine_release(&m);
}

/* Exit code 2 would mean that nothing was started. But steps have been made, and the run can be resumed once the data are corrected. */
static void missing_or_other_data_fail_a_run_that_can_be_resumed(void **state)
{
    (void)state;
    static const char now[] =
        "{\"files\": [{\"file\": \"h\", \"bytes\": 9, \"checksum\": \"0123456789abcdef\"}]}";
    static const char then[] =
        "{\"files\": [{\"file\": \"h\", \"bytes\": 9, \"checksum\": \"0123456789abcdee\"}]}";
    char fault[32];
    snprintf(fault, sizeof fault, "fault 1 %d", RT_E_NOTFOUND);
    const char *rows[] = {"hello", fault, "exited 2 2 0 1"};
    for (int i = 0; i < 6; i++) {
        machine m;
        machine_init(&m, 2);
        machine_feed(&m, 0, i < 3 ? "snapshots 1" : "snapshots 0");
        machine_feed(&m, 0, "launcher 0");
        for (int g = 1; g <= 2; g++) {
            machine_feed(&m, g, "tick");
            machine_feed(&m, g, "recovered 0");
            for (int k = g == 2 && i % 3 == 1; k < 2 && (g == 1 || i % 3 < 2); k++) {
                rt_msg_body body = machine_hello(&m, k, "avx2");
                body.hello.data = g == 1 ? then : now;
                machine_worker(&m, g, k, RT_MSG_HELLO, body);
            }
            if (g == 1) {
                machine_feed(&m, 1.5, "report 20");
                machine_feed(&m, 1.5, "exited 1 137 9 1");
            }
        }
        if (i % 3 != 0)
            machine_feed(&m, 3, rows[i % 3]);
        machine_feed(&m, 4, "exited 2 0 0 -1");
        assert_int_equal(m.exit_code, 1);
        assert_int_equal(m.kept, i < 3);
        assert_int_equal(m.run.next, RT_NEXT_RESUME);
        if (i % 3 == 0)
            assert_non_null(strstr(m.message, "up to step 20"));
        machine_release(&m);
    }
}

/* mpirun returns the exit code of the first rank that failed; the deaths of the others are mpirun's doing. */
static void a_death_at_the_start_is_blamed_on_nobody_else(void **state)
{
    (void)state;
    static const char *const ends[] = {"137 15 1", "137 0 -1"};
    for (int i = 0; i < 2; i++) {
        machine m;
        char event[64];
        machine_init(&m, 3);
        machine_feed(&m, 0, "launcher 0");
        machine_feed(&m, 0, "recovered 0");
        machine_feed(&m, 0, "hello 2");
        snprintf(event, sizeof event, "exited 1 %s", ends[i]);
        machine_feed(&m, 1, event);
        assert_string_equal(m.cause, "a worker was killed by signal 9 while it was starting");
        assert_int_equal(m.run.recovery.rank, -1);
        assert_int_equal(m.run.died.generation, 0);
        machine_release(&m);
    }
}

/* All ranks are silent, and one of them is named; then the launcher reports how the job ended. A rank that died before the end of the job was
 * ordered is the cause. */
static void a_death_outweighs_silence(void **state)
{
    (void)state;
    static const struct {
        const char *exited;
        int64_t rank;
        const char *cause;
    } rows[] = {
        {"exited 1 1 0 1", 1, "worker 1 left with exit code 1"},
        {"exited 1 137 9 1", 1, "worker 1 was killed by signal 9"},
        {"exited 1 0 0 -1", 0, "rank 0 on box (pid 100) at step 5 has sent nothing for"},
        {"exited 1 205 0 -1", 0, "rank 0 on box (pid 100) at step 5 has sent nothing for"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        machine m;
        begin_with_journal(&m);
        machine_feed(&m, 1, "works 0 5 0");
        machine_feed(&m, 1, "works 1 5 0");
        for (double now = 1; m.run.phase == RT__RUN && now < 60; now += 0.5)
            machine_feed(&m, now, "tick");
        assert_int_equal(m.run.phase, RT__REGROUP);
        machine_feed(&m, 61, rows[i].exited);
        assert_int_equal(m.run.recovery.rank, rows[i].rank);
        if (strncmp(m.cause, rows[i].cause, strlen(rows[i].cause)) != 0)
            fail_msg("%s: the cause is: %s", rows[i].exited, m.cause);
        machine_release(&m);
    }
}

/* ---- hosts ---- */

static void a_lost_host_is_set_aside_and_comes_back(void **state)
{
    (void)state;
    machine m;
    machine_configure(&m, 2);
    rt_config_set(&m.cfg, "parallel.hostfile=hosts");
    rt__history history;
    assert_int_equal(rt__history_init(&history), RT_OK);
    machine_begin(&m, history, false);
    expect_feed(&m, 0, "launcher 0", ""); /* the list comes first */
    const char *names[] = {"h0", "h1"};
    const int64_t slots[] = {1, 1};
    rt_msg_body hosts = {
        .hosts = {.hosts = names, .hosts_count = 2, .slots = slots, .slots_count = 2}};
    machine_frame(&m, 0, "l", RT_MSG_HOSTS, hosts);
    assert_string_equal(machine_done(&m), "recover");
    machine_feed(&m, 0, "recovered 0");
    machine_feed(&m, 0, "hello 0");
    machine_feed(&m, 0, "hello 1");
    machine_done(&m);
    expect_feed(&m, 1, "gone 1", "journal:exited event:worker_lost event:host_lost again");
    machine_feed(&m, 1, "recovered 0");
    assert_int_equal(m.run.roster.world, 1);
    machine_feed(&m, 1, "hello 0");
    assert_int_equal(m.run.phase, RT__RUN);
    machine_done(&m);
    for (double now = 1; now < 1 + RT__COOLDOWN_SECONDS; now += 0.5) {
        machine_feed(&m, now, "works 0 1 0");
        expect_feed(&m, now, "tick", "");
    }
    machine_feed(&m, 1 + RT__COOLDOWN_SECONDS, "works 0 1 0");
    expect_feed(&m, 1 + RT__COOLDOWN_SECONDS, "tick", "PROBE>l");
    expect_feed(&m, 11.5, "probed 1 1", "event:host_back STOP>w0");
    assert_int_equal(m.run.phase, RT__RESHAPE);
    machine_feed(&m, 12, "finished 0 2");
    machine_feed(&m, 12, "exited 2 0 0 -1");
    machine_feed(&m, 12, "recovered 2");
    assert_int_equal(m.run.roster.world, 2);
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rank_that_differs_is_named_and_nothing_of_it_is_kept),
        cmocka_unit_test(a_difference_found_too_late_to_act_is_not_forgotten),
        cmocka_unit_test(a_difference_found_while_taking_over_is_not_forgotten),
        cmocka_unit_test(not_finite_restarts_once_from_a_checkpoint),
        cmocka_unit_test(a_run_that_has_failed_stays_failed),
        cmocka_unit_test(steps_before_a_failure_are_counted),
        cmocka_unit_test(not_finite_without_a_culprit),
        cmocka_unit_test(not_finite_during_a_commit),
        cmocka_unit_test(not_finite_is_known_to_a_successor),
        cmocka_unit_test(a_doubted_generation_is_not_taken_over),
        cmocka_unit_test(a_snapshot_that_is_gone_is_in_doubt_only_if_it_is_so_again),
        cmocka_unit_test(a_slice_that_crashes_three_times_fails_the_run),
        cmocka_unit_test(missing_or_other_data_fail_a_run_that_can_be_resumed),
        cmocka_unit_test(a_death_at_the_start_is_blamed_on_nobody_else),
        cmocka_unit_test(a_death_outweighs_silence),
        cmocka_unit_test(a_lost_host_is_set_aside_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
