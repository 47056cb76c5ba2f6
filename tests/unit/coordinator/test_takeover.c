/* A coordinator that takes over: it learns from the journal, from workers and from the launcher, in any order. */
#include "takeover.h"

static void takes_over_a_run_that_goes_on(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    machine_feed(&dead, 2, "report 10");
    take_over(&m, &dead);
    expect_feed(&m, 3, "launcher 1", "g1 event:coordinator_restarted again");
    expect_feed(&m, 3, "hello 1 44 1", "");
    expect_feed(&m, 3, "piece 1 50", ""); /* sent again */
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

/* All ranks have joined again before RECOVERED arrives: no rank is missing, however long that takes. */
static void ranks_that_have_joined_are_not_missing(void **state)
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

/* Only one rank had received the plan: both receive it again, and it is the same plan. */
static void resends_a_plan_that_did_not_reach_all(void **state)
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

/* All ranks had finished, and none had been told to leave. */
static void ends_a_generation_that_had_finished(void **state)
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
    assert_int_equal(m->run.history.completion.generation, 1);
}

/* All ranks had been told to leave, and one has left: the coordinator neither waits for it nor starts another generation. */
static void does_not_wait_for_ranks_that_may_have_left(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    finish_all(&dead);
    take_over(&m, &dead);
    expect_feed(&m, 3, "hello 0 100 1", "g1 FORGET>w0 STOP>w0"); /* it was not told */
    machine_feed(&m, 3, "launcher 1");
    machine_feed(&m, 3, "recovered 100");
    assert_int_equal(m.run.phase, RT__LEAVE);
    machine_done(&m);
    expect_feed(&m, 4, "exited 1 0 0 -1", "event:done summary:done RUN_ENDED>l");
    assert_int_equal(m.exit_code, 0);
    assert_int_equal(summary_int(&m, "steps"), 100);
    assert_int_equal(summary_int(&m, "restarts"), 0);
    assert_string_equal(json_string_value(json_object_get(m.summary, "weights_sha256")), "abc");
    machine_release(&dead);
    machine_release(&m);
}

/* All ranks have left. The launcher may have reported that to the previous coordinator. */
static void ends_a_generation_that_has_left(void **state)
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
        assert_true(rt__run_ended(&m.run));
        assert_int_equal(m.exit_code, 0);
        machine_release(&dead);
        machine_release(&m);
    }
}

/* A generation has ended to make way for another one, and its coordinator dies after it has told a rank to leave: its successor does not
 * wait for that rank and blames nobody, and the next generation follows. */
static void does_not_wait_for_ranks_that_made_way(void **state)
{
    (void)state;
    for (int early = 0; early < 2; early++) {
        machine m, dead;
        begin_with_journal(&dead);
        static const char *const events[] = {"report 42", "progress 0 42 42", "progress 1 42 42",
                                             "scale 1",   "finished 0 43 43", "finished 1 43 43"};
        for (int i = 0; i < 6; i++)
            machine_feed(&dead, 2, events[i]);
        assert_int_equal(dead.run.phase, RT__LEAVE);
        take_over(&m, &dead);
        machine_feed(&m, 3, "launcher 1");
        machine_done(&m);
        expect_feed(&m, 3, "hello 0 43 1", "STOP>w0"); /* its snapshots are still needed */
        for (double now = 3; now < 3 + RT__LATE_SECONDS + 3; now += 0.5)
            expect_feed(&m, now, "tick", ""); /* a rank that has left is not missing */
        if (early)
            expect_feed(&m, 10, "exited 1 0 0 -1", "");
        expect_feed(&m, 10, "recovered 0", early ? "again" : "");
        if (!early)
            expect_feed(&m, 11, "exited 1 0 0 -1", "again");
        machine_feed(&m, 12, "recovered 0");
        assert_int_equal(m.run.roster.world, 1);
        machine_done(&m);
        expect_feed(&m, 13, "hello 0 0 0 43", "PLAN>w0 event:running");
        assert_int_equal(m.run.source.step, 43);
        assert_int_equal(m.run.history.restarts, 0);
        machine_release(&dead);
        machine_release(&m);
    }
}

/* The same, but the disk was full, so the journal does not say that the generation was complete: it is abandoned after the wait for the
 * rank that has left, and that rank is not named as the cause. */
static void does_not_blame_ranks_that_may_have_left(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    static const char *const events[] = {"report 42", "scale 1", "finished 0 43 43",
                                         "finished 1 43 43"};
    for (int i = 0; i < 4; i++) {
        dead.journal_full = i >= 2;
        machine_feed(&dead, 2, events[i]);
    }
    assert_int_equal(dead.run.phase, RT__LEAVE);
    take_over(&m, &dead);
    static const char *const next[] = {"launcher 1", "hello 1 43 1", "recovered 0",
                                       "finished 1 43 43"};
    for (int i = 0; i < 4; i++)
        machine_feed(&m, 3, next[i]);
    assert_int_equal(m.run.phase, RT__GATHER);
    machine_done(&m);
    expect_feed(&m, 4 + RT__JOIN_SECONDS, "tick", "event:stall END_GENERATION>l");
    assert_string_equal(m.text, "no HELLO from rank 0 for 31 s: it may have left, as all others "
                                "have finished; 1 of 2 wait");
    expect_feed(&m, 35, "exited 1 0 0 -1", "event:worker_lost again");
    assert_string_equal(m.cause, "no HELLO within 31 s from rank 0: it may have left, as all "
                                 "others have finished");
    assert_int_equal(m.run.recovery.rank, -1);
    assert_string_equal(m.host, "");
    machine_release(&dead);
    machine_release(&m);
}

/* The run fails while a completed generation is adopted: it ends with the job, whatever is on disk. */
static void fails_while_it_adopts_a_completed_generation(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    finish_all(&dead);
    take_over(&m, &dead);
    machine_feed(&m, 3, "launcher 1");
    machine_done(&m);
    expect_feed(&m, 3, "early 0 -10", "END_GENERATION>l");
    assert_int_equal(m.run.phase, RT__FAILING);
    expect_feed(&m, 4, "exited 1 2 0 0", "event:failed summary:failed RUN_ENDED>l");
    assert_int_equal(m.run.phase, RT__FAILED);
    machine_release(&dead);
    machine_release(&m);
}

/* The user has asked once. The launcher repeats that to the new coordinator; only a signal after that counts as a second one. */
static void a_repeated_stop_counts_once(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    machine_feed(&dead, 2, "report 10");
    machine_feed(&dead, 2, "interrupt 2");
    take_over(&m, &dead);
    machine_feed(&m, 3, "launcher 1");
    machine_done(&m);
    expect_feed(&m, 3, "interrupt 2", "");
    assert_int_equal(m.run.phase, RT__REJOIN);
    expect_feed(&m, 3, "interrupt 2", "END_GENERATION>l");
    assert_int_equal(m.run.phase, RT__QUIT);
    machine_release(&dead);
    machine_release(&m);
}

/* The job ended while there was no coordinator. */
static void learns_late_of_a_loss(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    take_over(&m, &dead);
    machine_feed(&m, 3, "launcher 0");
    machine_done(&m);
    expect_feed(&m, 3, "exited 1 137 9 1", "event:worker_lost again");
    machine_feed(&m, 3, "recovered 0"); /* the result of the first search, then of the second */
    assert_int_equal(m.run.phase, RT__GATHER);
    assert_int_equal(m.run.generation, 2);
    machine_release(&dead);
    machine_release(&m);
}

/* Two searches for checkpoints were under way, and the first sufficed. The answer to the second arrives during a third, when there is a newer
 * checkpoint. */
static void an_answer_to_an_earlier_search_is_ignored(void **state)
{
    (void)state;
    machine m, dead;
    begin_with_journal(&dead);
    take_over(&m, &dead);
    static const char *const events[] = {"launcher 0", "exited 1 137 9 1", "recovered 0 1",
                                         "hello 0",    "hello 1",          "layout",
                                         "piece 0 50"};
    for (int i = 0; i < 7; i++)
        machine_feed(&m, 3, events[i]);
    machine_done(&m);
    expect_feed(&m, 4, "piece 1 50", "commit:50");
    expect_feed(&m, 4, "exited 2 137 9 1", "event:worker_lost again");
    machine_feed(&m, 5, "recovered 0 1");
    assert_int_equal(m.run.phase, RT__RECOVER);
    machine_feed(&m, 6, "committed 50");
    machine_feed(&m, 6, "recovered 50");
    assert_int_equal(m.run.phase, RT__GATHER);
    assert_int_equal(m.run.fallback.step, 50);
    machine_release(&dead);
    machine_release(&m);
}

/* START_GENERATION was lost with the coordinator that sent it. */
static void resends_a_lost_start(void **state)
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

/* The same, and the user stops the run meanwhile. */
static void ends_a_generation_that_was_never_started(void **state)
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
    assert_true(rt__run_ended(&m.run));
    assert_int_equal(m.exit_code, 130);
    machine_release(&dead);
    machine_release(&m);
}

/* A compacted journal yields the same as all the records that it replaces. */
static void a_compacted_journal_yields_the_same(void **state)
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
    assert_int_equal(rt__history_apply_json(&again, json_array_get(records, 0)), RT_OK);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_over_a_run_that_goes_on),
        cmocka_unit_test(ranks_that_have_joined_are_not_missing),
        cmocka_unit_test(resends_a_plan_that_did_not_reach_all),
        cmocka_unit_test(ends_a_generation_that_had_finished),
        cmocka_unit_test(does_not_wait_for_ranks_that_may_have_left),
        cmocka_unit_test(ends_a_generation_that_has_left),
        cmocka_unit_test(does_not_wait_for_ranks_that_made_way),
        cmocka_unit_test(does_not_blame_ranks_that_may_have_left),
        cmocka_unit_test(fails_while_it_adopts_a_completed_generation),
        cmocka_unit_test(a_repeated_stop_counts_once),
        cmocka_unit_test(learns_late_of_a_loss),
        cmocka_unit_test(an_answer_to_an_earlier_search_is_ignored),
        cmocka_unit_test(resends_a_lost_start),
        cmocka_unit_test(ends_a_generation_that_was_never_started),
        cmocka_unit_test(a_compacted_journal_yields_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
