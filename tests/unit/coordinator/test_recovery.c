/* What outlives a loss: a coordinator's journal, states that are not to be trusted, data that kills, hosts. */
#include "machine.h"

/* ---- a coordinator that takes over ---- */

/* Applies what the first machine wrote to the journal, as a second one that is started does. */
static rt_status write_down(void *ctx, const json_t *record)
{
    machine *m = ctx;
    json_array_append_new(m->journal, json_deep_copy(record));
    return RT_OK;
}

/* Takes over from `dead`, whose state is gone but for its journal. */
static void take_over(machine *m, const machine *dead)
{
    rt__history history;
    size_t i;
    json_t *record;
    machine_configure(m, 2);
    m->effects.journal = write_down;
    m->journal = json_incref(dead->journal);
    assert_int_equal(rt__history_init(&history), RT_OK);
    json_array_foreach(m->journal, i, record)
        assert_int_equal(rt__history_apply(&history, record), RT_OK);
    machine_begin(m, history, true);
}

static void begin_with_journal(machine *m)
{
    machine_init(m, 2);
    m->journal = json_array();
    m->effects.journal = write_down;
    static const char *const events[] = {"launcher 0", "recovered 0", "hello 0", "hello 1",
                                         "layout"};
    for (int i = 0; i < 5; i++)
        machine_feed(m, 1, events[i]);
    assert_int_equal(m->run.phase, RT__RUN);
    machine_done(m);
}

static void expect_feed(machine *m, double now, const char *event, const char *effects)
{
    machine_feed(m, now, event);
    assert_string_equal(machine_done(m), effects);
}

static void takes_over_a_run_that_goes_on(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    machine_feed(&dead, 2, "report 10");
    take_over(&m, &dead);
    expect_feed(&m, 3, "launcher 1", "g1 event:coordinator_restarted again");
    expect_feed(&m, 3, "hello 1 44 1", "");
    expect_feed(&m, 3, "piece 1 50", ""); /* said again */
    expect_feed(&m, 3, "recovered 0", "");
    expect_feed(&m, 3, "hello 0 44 1", ""); /* both have their plan: nothing is sent */
    assert_int_equal(m.run.phase, RT__RUN);
    assert_int_equal(m.run.newest_step, 44);
    expect_feed(&m, 4, "layout", "");
    expect_feed(&m, 4, "piece 0 50", "commit:50");
    expect_feed(&m, 5, "piece 1 100", "");
    expect_feed(&m, 5, "piece 0 100", "commit:100");
    expect_feed(&m, 5, "finished 0 100", "");
    expect_feed(&m, 5, "finished 1 100", "");
    expect_feed(&m, 5, "committed 50", "event:checkpoint COMMITTED>w0 COMMITTED>w1");
    expect_feed(&m, 5, "committed 100",
                "event:checkpoint COMMITTED>w0 COMMITTED>w1 FORGET>w0 STOP>w0 "
                "FORGET>w1 STOP>w1");
    expect_feed(&m, 6, "exited 1 0 0 -1", "event:done summary:done RUN_ENDED>l");
    assert_int_equal(summary_int(&m, "restarts"), 0);
    machine_release(&dead);
    machine_release(&m);
}

/* All ranks have come back before it is known what is on disk: nobody is missing, however long that takes. */
static void who_has_come_is_not_missing(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    take_over(&m, &dead);
    machine_feed(&m, 3, "launcher 1");
    machine_feed(&m, 3, "hello 0 44 1");
    machine_feed(&m, 3, "hello 1 44 1");
    machine_done(&m);
    for (double now = 4; now < 2 * RT__GATHER_SECONDS; now += 0.5)
        expect_feed(&m, now, "tick", "");
    expect_feed(&m, 2 * RT__GATHER_SECONDS, "recovered 0", "");
    assert_int_equal(m.run.phase, RT__RUN);
    machine_release(&dead);
    machine_release(&m);
}

/* One had the plan, the other had not: both are sent it, and it is the same one. */
static void sends_a_plan_again_that_did_not_reach_all(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    take_over(&m, &dead);
    machine_feed(&m, 3, "launcher 1");
    machine_feed(&m, 3,
                 "recovered 50"); /* a checkpoint made since: the plan is still the old one */
    machine_feed(&m, 3, "hello 0 0 1");
    machine_done(&m);
    expect_feed(&m, 3, "hello 1 0 0", "PLAN>w0 PLAN>w1 event:running");
    assert_int_equal(m.run.source.step, 0);
    machine_release(&dead);
    machine_release(&m);
}

/* All had finished and nobody had been told to go. */
static void ends_what_had_ended(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    machine_feed(&dead, 2, "finished 0 100");
    take_over(&m, &dead);
    machine_feed(&m, 3, "launcher 1");
    machine_feed(&m, 3, "recovered 100");
    machine_feed(&m, 3, "hello 0 100 1");
    machine_feed(&m, 3, "finished 0 100");
    machine_feed(&m, 3, "hello 1 100 1");
    assert_int_equal(m.run.phase, RT__DRAIN);
    machine_done(&m);
    expect_feed(&m, 3, "finished 1 100", "FORGET>w0 STOP>w0 FORGET>w1 STOP>w1");
    machine_release(&dead);
    machine_release(&m);
}

static void finish_all(machine *m)
{
    static const char *const events[] = {"report 100",    "piece 0 100",    "piece 1 100",
                                         "committed 100", "finished 0 100", "finished 1 100"};
    for (int i = 0; i < 6; i++)
        machine_feed(m, 2, events[i]);
    assert_int_equal(m->run.history.over.generation, 1);
}

/* All had been told to go, and one has gone: nobody waits for it, and nobody is started anew. */
static void waits_for_nobody_who_may_have_left(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    finish_all(&dead);
    take_over(&m, &dead);
    expect_feed(&m, 3, "hello 0 100 1", "g1 FORGET>w0 STOP>w0"); /* it was not told */
    machine_feed(&m, 3, "launcher 1");
    machine_feed(&m, 3, "recovered 100");
    assert_int_equal(m.run.phase, RT__DRAIN);
    machine_done(&m);
    expect_feed(&m, 4, "exited 1 0 0 -1", "event:done summary:done RUN_ENDED>l");
    assert_int_equal(m.exit_code, 0);
    assert_int_equal(summary_int(&m, "steps"), 100);
    assert_int_equal(summary_int(&m, "restarts"), 0);
    assert_string_equal(json_string_value(json_object_get(m.summary, "weights_sha256")), "abc");
    machine_release(&dead);
    machine_release(&m);
}

/* All have gone. The launcher may have told of it to the one before. */
static void ends_what_has_left(void **state)
{
    (void)state;
    for (int told = 0; told < 2; told++) {
        machine m, dead;
        begin_with_journal(&dead);
        finish_all(&dead);
        take_over(&m, &dead);
        m.run.committed_step = -1; /* the record of the commit was lost */
        machine_feed(&m, 3, "launcher 0");
        if (told)
            machine_feed(&m, 3, "exited 1 0 0 -1");
        machine_feed(&m, 3, "recovered 100");
        if (!told)
            machine_feed(&m, 3 + RT__EXIT_SECONDS + 0.1, "tick");
        assert_true(m.run.ended);
        assert_int_equal(m.exit_code, 0);
        machine_release(&dead);
        machine_release(&m);
    }
}

/* The job died while nobody was there to hear of it. */
static void hears_late_of_a_loss(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    take_over(&m, &dead);
    machine_feed(&m, 3, "launcher 0");
    machine_done(&m);
    expect_feed(&m, 3, "exited 1 137 9 1", "event:worker_lost again");
    machine_feed(&m, 3, "recovered 0"); /* of the first look, and then of the second */
    assert_int_equal(m.run.phase, RT__GATHER);
    assert_int_equal(m.run.generation, 2);
    machine_release(&dead);
    machine_release(&m);
}

/* The order to start was lost with the coordinator that gave it. */
static void orders_again_what_was_never_started(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    take_over(&m, &dead);
    machine_feed(&m, 3, "launcher 0");
    machine_feed(&m, 3, "recovered 0");
    machine_done(&m);
    expect_feed(&m, 3.5, "tick", "");
    expect_feed(&m, 3 + RT__EXIT_SECONDS + 0.1, "tick", "START_GENERATION>l");
    expect_feed(&m, 3 + RT__EXIT_SECONDS + 0.3, "tick", "");
    machine_release(&dead);
    machine_release(&m);
}

/* The same, and the user has had enough meanwhile. */
static void ends_what_was_never_started(void **state)
{
    (void)state;
    machine m, dead;
    machine_init(&dead, 2);
    dead.journal = json_array();
    dead.effects.journal = write_down;
    machine_feed(&dead, 1, "launcher 0");
    machine_feed(&dead, 1, "recovered 0");
    take_over(&m, &dead);
    machine_feed(&m, 3, "launcher 0");
    machine_done(&m);
    expect_feed(&m, 3, "interrupt 2", "event:interrupted END_GENERATION>l");
    expect_feed(&m, 3.5, "tick", "");
    machine_feed(&m, 3 + RT__EXIT_SECONDS + 0.1, "tick");
    assert_true(m.run.ended);
    assert_int_equal(m.exit_code, 130);
    machine_release(&dead);
    machine_release(&m);
}

/* Whatever was journaled, a shorter journal says the same. */
static void a_shorter_journal_says_the_same(void **state)
{
    (void)state;
    machine dead;
    begin_with_journal(&dead);
    static const char *const events[] = {"report 10",         "evaluated 20",  "scale 1",
                                         "finished 0 21",     "finished 1 21", "exited 1 0 0 -1",
                                         "recovered 21",      "hello 0",       "report 22",
                                         "exited 2 139 11 0", "recovered 21"};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        machine_feed(&dead, 2 + (double)i, events[i]);
    rt__history again;
    json_t *records = rt__history_records(&dead.run.history);
    assert_int_equal(rt__history_init(&again), RT_OK);
    assert_int_equal(rt__history_apply(&again, json_array_get(records, 0)), RT_OK);
    json_t *twice = rt__history_records(&again);
    assert_true(json_equal(records, twice));
    assert_int_equal(again.generation, 3);
    assert_int_equal(again.restarts, 1);
    assert_int_equal(again.target, 1);
    json_decref(records);
    json_decref(twice);
    rt__history_release(&again);
    machine_release(&dead);
}

/* ---- bits that differ ---- */

/* A generation that runs, of a run with that setting. */
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

/* Once it may have been an accident, twice it is not. */
static void not_a_number_is_tried_once_from_a_checkpoint(void **state)
{
    (void)state;
    machine m;
    begin_with(&m, 2, "run.nan_loss=restart-from-checkpoint");
    expect_feed(&m, 2, "fault 0 -29", ""); /* it has looked in vain */
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
    assert_int_equal(m.run.phase, RT__FAILED);
    assert_string_equal(m.run.failure,
                        "worker 1: it broke here: again after a restart from a checkpoint");
    assert_int_equal(m.run.next, RT_NEXT_OTHER_RATE); /* --resume would meet it once more */
    machine_release(&m);
}

/* It may be nobody's slice: the sum of all losses is more than a float can hold, say. */
static void nobody_is_to_blame(void **state)
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
    assert_true(m.run.ended);
    machine_release(&m);
}

/* The checkpoint that is being committed takes the place of the one before it: the restart is from there. */
static void not_a_number_while_committing(void **state)
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

/* The coordinator dies between finding out that a rank is wrong and ending the generation. */
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

/* What a step that is not finite has cost is known to a coordinator that takes over. */
static void not_a_number_is_remembered(void **state)
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

/* A slice that kills whoever computes it ends the run, and its samples are named. */
static void the_same_slice_three_times_is_the_data(void **state)
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
        const int64_t trace[] = {g - 1, 1, 17, 3,
                                 3}; /* where rank 1 died: step 17, slice 3, forward */
        body.hello.traces = trace;
        body.hello.traces_count = g > 1 ? RT_TRACE_FIELDS : 0;
        machine_worker(&m, now, 0, RT_MSG_HELLO, body);
        machine_feed(&m, now, "hello 1");
        if (g < 4)
            assert_int_equal(m.run.phase, RT__RUN);
        snprintf(event, sizeof event, "exited %d 139 11 1", g);
        machine_feed(&m, now + 1, event);
    }
    assert_true(m.run.failed);
    assert_int_equal(m.run.next, RT_NEXT_NOTHING);
    assert_non_null(strstr(m.message, "slice 3 of step 18"));
    assert_non_null(strstr(m.message, "samples"));
    machine_release(&m);
}

/* mpirun's exit code is how the first rank ended; what it says of the others is its own doing. */
static void who_dies_while_starting_blames_nobody_else(void **state)
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
    rt_msg_body hosts = {.hosts = {names, 2, slots, 2}};
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
    assert_int_equal(m.run.phase, RT__DRAIN);
    machine_feed(&m, 12, "finished 0 2");
    machine_feed(&m, 12, "exited 2 0 0 -1");
    machine_feed(&m, 12, "recovered 2");
    assert_int_equal(m.run.roster.world, 2);
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_over_a_run_that_goes_on),
        cmocka_unit_test(who_has_come_is_not_missing),
        cmocka_unit_test(sends_a_plan_again_that_did_not_reach_all),
        cmocka_unit_test(ends_what_had_ended),
        cmocka_unit_test(waits_for_nobody_who_may_have_left),
        cmocka_unit_test(ends_what_has_left),
        cmocka_unit_test(hears_late_of_a_loss),
        cmocka_unit_test(orders_again_what_was_never_started),
        cmocka_unit_test(ends_what_was_never_started),
        cmocka_unit_test(a_shorter_journal_says_the_same),
        cmocka_unit_test(a_rank_that_differs_is_named_and_nothing_of_it_is_kept),
        cmocka_unit_test(not_a_number_is_tried_once_from_a_checkpoint),
        cmocka_unit_test(nobody_is_to_blame),
        cmocka_unit_test(not_a_number_while_committing),
        cmocka_unit_test(not_a_number_is_remembered),
        cmocka_unit_test(a_doubted_generation_is_not_taken_over),
        cmocka_unit_test(the_same_slice_three_times_is_the_data),
        cmocka_unit_test(who_dies_while_starting_blames_nobody_else),
        cmocka_unit_test(a_lost_host_is_set_aside_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
