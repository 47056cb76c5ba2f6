/* The run's state machine: every way from BOOT to the end, event by event, with the effects that each must have. */
#include "coordinator/machine/record.h"
#include "script.h"
#include <math.h>

static const row undisturbed[] = {
    {"tick", RT__BOOT, ""},
    START,
    {"report 1", RT__RUN, "journal:first_step"}, /* only shows that work has begun */
    {"report 10", RT__RUN, "metrics"},
    {"piece 1 50", RT__RUN, ""},
    {"piece 1 50", RT__RUN, ""}, /* sent twice */
    {"piece 0 50", RT__RUN, "journal:committing commit:50"},
    {"committed 50", RT__RUN, "event:checkpoint journal:commit COMMITTED>w0 COMMITTED>w1"},
    {"report 100", RT__RUN, "metrics"},
    {"piece 0 100", RT__RUN, ""},
    {"evaluated 100", RT__RUN, "event:evaluation journal:evaluated"},
    {"finished 0 100", RT__DRAIN, ""},
    {"finished 0 100", RT__DRAIN, ""},
    {"piece 1 100", RT__DRAIN, "journal:committing commit:100"},
    {"finished 1 100", RT__DRAIN, ""}, /* not before the commit */
    {"committed 100", RT__LEAVE,
     "event:checkpoint journal:commit COMMITTED>w0 COMMITTED>w1 journal:over FORGET>w0 STOP>w0 "
     "FORGET>w1 STOP>w1"},
    {"exited 1 0 0 -1", RT__DONE, "event:done journal:end summary:done RUN_ENDED>l"},
    {"report 100", RT__DONE, ""},
};

static const row killed_worker[] = {
    START,
    {"report 60", RT__RUN, "journal:first_step metrics"},
    {"piece 0 70", RT__RUN, ""},       /* the other piece will never arrive */
    {"exited 7 137 9 1", RT__RUN, ""}, /* of another generation */
    {"exited 1 137 9 1", RT__RECOVER,
     "journal:exited discard:70 event:checkpoint_failed event:worker_lost again"},
    {"recovered 50", RT__GATHER, "journal:generation g2 START_GENERATION>l event:generation"},
    {"hello 0", RT__GATHER, ""},
    {"hello 1", RT__RUN, "journal:plan rewind:50 PLAN>w0 PLAN>w1 event:running"},
    {"report 51", RT__RUN, "event:recovered journal:recovered"},
    {"piece 0 100", RT__RUN, ""},
    {"piece 1 100", RT__RUN, "journal:committing commit:100"},
    {"finished 1 100", RT__DRAIN, ""},
    {"finished 0 100", RT__DRAIN, ""},
    {"committed 100", RT__LEAVE,
     "event:checkpoint journal:commit COMMITTED>w0 COMMITTED>w1 journal:over FORGET>w0 STOP>w0 "
     "FORGET>w1 STOP>w1"},
    {"exited 2 0 0 -1", RT__DONE, "event:done journal:end summary:done RUN_ENDED>l"},
};

/* A rank that lost its neighbour reports a fault first, but the kill is recorded as the cause. */
static const row consequence_before_cause[] = {
    START,
    {"fault 0 -25", RT__REGROUP, "END_GENERATION>l"},
    {"fault 1 -26", RT__REGROUP, ""},
    {"exited 1 137 9 1", RT__RECOVER, "journal:exited event:worker_lost again"},
};

static const row gives_up[] = {
    START,
    {"exited 1 137 9 0", RT__RECOVER, "journal:exited event:worker_lost again"},
    {"recovered 0", RT__GATHER, "journal:generation g2 START_GENERATION>l event:generation"},
    {"hello 0", RT__GATHER, ""},
    {"exited 2 137 9 1", RT__RECOVER, "journal:exited event:worker_lost again"},
    {"recovered 0", RT__GATHER, "journal:generation g3 START_GENERATION>l event:generation"},
    {"hello 0", RT__GATHER, ""},
    {"exited 3 137 9 1", RT__FAILED,
     "journal:exited event:worker_lost event:failed journal:end summary:failed RUN_ENDED>l"},
};

static const row never_starts[] = {
    {"launcher", RT__RECOVER, "recover"},
    {"recovered 0", RT__GATHER, "journal:generation g1 START_GENERATION>l event:generation"},
    {"exited 1 127 0 -1", RT__FAILED,
     "journal:exited event:worker_lost event:failed journal:end summary:failed RUN_ENDED>l"},
};

static const row refused_source[] = {
    {"launcher", RT__RECOVER, "recover"},
    {"unrecoverable", RT__FAILED, "RUN_ENDED>l"}, /* nothing was started, so nothing is written */
};

static const row misfit[] = {
    {"launcher", RT__RECOVER, "recover"},
    {"recovered 0", RT__GATHER, "journal:generation g1 START_GENERATION>l event:generation"},
    {"hello 0", RT__GATHER, ""},
    {"misfit 1", RT__FAILING, "REFUSED>w1 END_GENERATION>l"},
    {"exited 1 1 0 -1", RT__FAILED, "event:failed journal:end RUN_ENDED>l"},
};

static const row bad_data[] = {
    START,
    {"fault 0 -25", RT__REGROUP, "END_GENERATION>l"}, /* the reason arrives late and still counts */
    {"fault 1 -10", RT__FAILING, "END_GENERATION>l"},
    {"fault 0 -10", RT__FAILING, ""},
    {"exited 1 1 0 -1", RT__FAILED, "event:failed journal:end RUN_ENDED>l"},
};

static const row nan_loss[] = {
    START,
    {"fault 0 -29", RT__RUN, ""},              /* another rank may know why */
    {"tick", RT__FAILING, "END_GENERATION>l"}, /* it would happen again: no restart */
    {"exited 1 1 0 -1", RT__FAILED, "event:failed journal:end summary:failed RUN_ENDED>l"},
};

static const row disk_full[] = {
    START,
    {"nopiece 0 50", RT__RUN, ""}, /* the other rank may still be writing */
    {"piece 1 50", RT__RUN,
     "discard:50 event:checkpoint_failed journal:abort ABORTED>w0 ABORTED>w1"},
    {"piece 1 60", RT__RUN, ""},
    {"piece 0 60", RT__RUN, "journal:committing commit:60"},
    {"uncommitted 60", RT__RUN,
     "discard:60 event:checkpoint_failed journal:abort ABORTED>w0 ABORTED>w1"},
    {"report 70", RT__RUN, "journal:first_step metrics"},
};

static const row piece_missing_at_the_end[] = {
    START,
    {"piece 0 100", RT__RUN, ""},
    {"finished 0 100", RT__DRAIN, ""},
    {"finished 1 100", RT__LEAVE,
     "discard:100 event:checkpoint_failed journal:abort ABORTED>w0 ABORTED>w1 journal:over STOP>w0 "
     "STOP>w1"},
};

/* The last checkpoint fails: the state in memory is the only copy, and is kept. */
static const row unsaved[] = {
    START,
    {"report 100", RT__RUN, "journal:first_step metrics"},
    {"progress 0 100 100", RT__RUN, ""},
    {"progress 1 100 100", RT__RUN, "FORGET>w0 FORGET>w1"},
    {"nopiece 0 100", RT__RUN, ""},
    {"piece 1 100", RT__RUN,
     "discard:100 event:checkpoint_failed journal:abort ABORTED>w0 ABORTED>w1"},
    {"finished 0 100", RT__DRAIN, ""},
    {"finished 1 100", RT__LEAVE, "journal:over STOP>w0 STOP>w1"},
    {"exited 1 0 0 -1", RT__FAILED, "event:failed journal:end summary:failed RUN_ENDED>l kept"},
};

/* The same, and the run ends before a rank sends PROGRESS. */
static const row unsaved_in_a_second[] = {
    START,
    {"report 100", RT__RUN, "journal:first_step metrics"},
    {"piece 0 90", RT__RUN, ""},
    {"nopiece 0 100", RT__RUN, ""},
    {"piece 1 100", RT__RUN,
     "discard:100 event:checkpoint_failed journal:abort ABORTED>w0 ABORTED>w1"},
    {"nopiece 1 90", RT__RUN, /* an older one may fail later */
     "discard:90 event:checkpoint_failed journal:abort ABORTED>w0 ABORTED>w1"},
    {"finished 0 100 100", RT__DRAIN, ""},
    {"finished 1 100 100", RT__LEAVE, "journal:over STOP>w0 STOP>w1"},
    {"exited 1 0 0 -1", RT__FAILED, "event:failed journal:end summary:failed RUN_ENDED>l kept"},
};

/* A generation that had no step left to make writes no snapshot, so the one it started from is kept. */
static const row unsaved_again[] = {
    START,
    {"report 100", RT__RUN, "journal:first_step metrics"},
    {"exited 1 137 9 1", RT__RECOVER, "journal:exited event:worker_lost again"},
    {"recovered 0", RT__GATHER, "journal:generation g2 START_GENERATION>l event:generation"},
    {"hello 0 0 0 100", RT__GATHER, ""},
    {"hello 1", RT__RUN, "journal:plan PLAN>w0 PLAN>w1 event:running"},
    {"nopiece 0 100", RT__RUN, ""},
    {"piece 1 100", RT__RUN,
     "discard:100 event:checkpoint_failed journal:abort ABORTED>w0 ABORTED>w1"},
    {"finished 0 100", RT__DRAIN, "event:recovered journal:recovered"},
    {"finished 1 100", RT__LEAVE, "journal:over STOP>w0 STOP>w1"},
    {"exited 2 0 0 -1", RT__FAILED, "event:failed journal:end summary:failed RUN_ENDED>l kept"},
};

/* Without snapshots the state is lost, and the user must be told. */
static const row lost_for_good[] = {
    START,
    {"report 100", RT__RUN, "journal:first_step metrics"},
    {"nopiece 0 100", RT__RUN, ""},
    {"piece 1 100", RT__RUN,
     "discard:100 event:checkpoint_failed journal:abort ABORTED>w0 ABORTED>w1"},
    {"finished 0 100", RT__DRAIN, ""},
    {"finished 1 100", RT__LEAVE, "journal:over STOP>w0 STOP>w1"},
    {"exited 1 0 0 -1", RT__FAILED, "event:failed journal:end summary:failed RUN_ENDED>l"},
};

/* The newest state is in memory, and the journal records the plan before the workers receive it. */
static const row from_a_snapshot[] = {
    START,
    {"report 60", RT__RUN, "journal:first_step metrics"},
    {"exited 1 137 9 1", RT__RECOVER, "journal:exited event:worker_lost again"},
    {"recovered 50", RT__GATHER, "journal:generation g2 START_GENERATION>l event:generation"},
    {"hello 0 0 0 60", RT__GATHER, ""},
    {"hello 1", RT__RUN, "journal:plan PLAN>w0 PLAN>w1 event:running"},
    {"report 61", RT__RUN, "event:recovered journal:recovered"},
    {"progress 0 62 62", RT__RUN, ""}, /* rank 1 has left none yet */
    {"progress 1 62 61", RT__RUN, "FORGET>w0 FORGET>w1"},
    {"progress 1 63 63", RT__RUN, ""},
};

/* Scaled while it runs: no step is lost, and no restart is counted. */
static const row scaled[] = {
    START,
    {"progress 0 42 42", RT__RUN, ""},
    {"progress 1 42 42", RT__RUN, "FORGET>w0 FORGET>w1"},
    {"scale 9", RT__RUN, "REFUSED>t"}, /* more than slices */
    {"scale 3", RT__RESHAPE, "journal:target event:scaled ACCEPTED>t STOP>w0"},
    {"finished 0 43", RT__RESHAPE, ""},
    {"finished 1 43", RT__LEAVE, "journal:over STOP>w0 STOP>w1"}, /* and nothing is forgotten */
    {"save", RT__LEAVE, "event:checkpoint_ordered"},              /* of the next generation */
    {"exited 1 0 0 -1", RT__RECOVER, "journal:exited again"},
    {"recovered 0", RT__GATHER, "journal:generation g2 START_GENERATION>l event:generation"},
    {"hello 0 0 0 43", RT__GATHER, ""},
    {"hello 1", RT__GATHER, ""},
    {"hello 2", RT__RUN, "journal:plan PLAN>w0 PLAN>w1 PLAN>w2 event:running CHECKPOINT>w0"},
};

/* When a rank must leave, the next generation has one worker less. */
static const row left[] = {
    START,
    {"progress 0 42", RT__RUN, ""},
    {"leave 1", RT__RESHAPE, "event:leave journal:target STOP>w0"},
    {"finished 0 43", RT__RESHAPE, ""},
    {"finished 1 43", RT__LEAVE, "journal:over STOP>w0 STOP>w1"},
    {"exited 1 0 0 -1", RT__RECOVER, "journal:exited again"},
    {"recovered 43", RT__GATHER, "journal:generation g2 START_GENERATION>l event:generation"},
    {"hello 0", RT__RUN, "journal:plan PLAN>w0 event:running"},
};

static const row saved_by_hand[] = {
    {"save", RT__BOOT, "event:checkpoint_ordered"}, /* kept until a step is made */
    {"launcher", RT__RECOVER, "recover"},
    {"recovered 0", RT__GATHER, "journal:generation g1 START_GENERATION>l event:generation"},
    {"hello 1", RT__GATHER, ""},
    {"hello 0", RT__RUN, "journal:plan PLAN>w0 PLAN>w1 event:running CHECKPOINT>w0"},
    {"layout", RT__RUN, ""},
    {"report 40", RT__RUN, "journal:first_step metrics"},
    {"piece 0 44", RT__RUN, ""},
    {"piece 1 44", RT__RUN, "journal:committing commit:44"},
    {"committed 44", RT__RUN,
     "event:checkpoint journal:commit COMMITTED>w0 COMMITTED>w1 ACCEPTED>t"},
    {"save", RT__RUN, "event:checkpoint_ordered CHECKPOINT>w0"},
    {"exited 1 137 9 1", RT__RECOVER, "journal:exited event:worker_lost again"},
    {"recovered 44", RT__GATHER, "journal:generation g2 START_GENERATION>l event:generation"},
    {"hello 1", RT__GATHER, ""},
    {"hello 0", RT__RUN, "journal:plan PLAN>w0 PLAN>w1 event:running CHECKPOINT>w0"},
    {"stop", RT__DRAIN,
     "ACCEPTED>t event:stop_ordered journal:interrupt event:interrupted STOP>w0"},
    {"stop", RT__DRAIN, "REFUSED>t"},
    {"save", RT__DRAIN, "REFUSED>t"},
};

static const row stalled[] = {
    START,
    {"works 1 7 4", RT__RUN, ""},
    {"waits 0 7 1 4", RT__RUN, ""},
    {"tick", RT__RUN, "event:stall"},
    {"tick", RT__RUN, ""}, /* once is enough */
    {"works 1 8 0", RT__RUN, ""},
    {"waits 0 8 1 0", RT__RUN, ""},
    {"tick", RT__RUN, "event:stall_over"},
    {"waits 0 8 1 11", RT__RUN, ""},
    {"works 1 8 11", RT__RUN, ""},
    {"tick", RT__REGROUP, "event:stall END_GENERATION>l"},
    {"exited 1 143 0 -1", RT__RECOVER, "journal:exited event:worker_lost again"},
};

static const row skipped[] = {START, {"skipped 41", RT__RUN, "event:step_skipped journal:skipped"}};

/* The workers are killed when only the renaming of the last checkpoint is left to do. */
static const row killed_while_committing[] = {
    START,
    {"report 100", RT__RUN, "journal:first_step metrics"},
    {"piece 0 100", RT__RUN, ""},
    {"piece 1 100", RT__RUN, "journal:committing commit:100"},
    {"finished 0 100", RT__DRAIN, ""},
    {"finished 1 100", RT__DRAIN, ""},
    {"exited 1 137 9 1", RT__SETTLE, ""},
    {"tick", RT__SETTLE, ""},
    {"committed 100", RT__DONE,
     "event:checkpoint journal:commit event:done journal:end summary:done RUN_ENDED>l"},
};

static const row strangers[] = {
    {"exited 1 0 0 0", RT__BOOT, ""}, {"hello 0", RT__BOOT, ""}, START,
    {"launcher", RT__RUN, ""},        {"stranger", RT__RUN, ""}, {"hello 0", RT__RUN, ""},
    {"recovered 0", RT__RUN, ""},
};

static const script scripts[] = {
    SCRIPT(undisturbed, 0, NULL),
    SCRIPT(killed_worker, 0, NULL),
    SCRIPT(consequence_before_cause, -1, NULL),
    SCRIPT(gives_up, 1,
           "gave up after 2 restarts (run.max_restarts): worker 1 was killed by signal 9"),
    SCRIPT(never_starts, 1,
           "the workers could not be started: the job ended with exit code 127: two"),
    SCRIPT(refused_source, 2, "it is altered"),
    SCRIPT(misfit, 2,
           "worker 1 on host box has instruction set avx512, worker 0 on host box has avx2"),
    SCRIPT(bad_data, 2, "it broke"),
    SCRIPT(nan_loss, 1, "worker 0: it broke"),
    SCRIPT(disk_full, -1, NULL),
    SCRIPT(piece_missing_at_the_end, -1, NULL),
    SCRIPT(unsaved, 1, "kept in shared memory"),
    SCRIPT(unsaved_in_a_second, 1, "kept in shared memory"),
    SCRIPT(unsaved_again, 1, "kept in shared memory"),
    SCRIPT(lost_for_good, 1, "is lost, because there is no snapshot"),
    SCRIPT(from_a_snapshot, -1, NULL),
    SCRIPT(scaled, -1, NULL),
    SCRIPT(left, -1, NULL),
    SCRIPT(saved_by_hand, -1, NULL),
    SCRIPT(stalled, -1, NULL),
    SCRIPT(skipped, -1, NULL),
    SCRIPT(killed_while_committing, 0, NULL),
    SCRIPT(strangers, -1, NULL),
};

static void summary_counts_a_recovery(void **state)
{
    (void)state;
    machine m;
    machine_init(&m, 2);
    play(&m, &scripts[1]);
    assert_int_equal(summary_int(&m, "restarts"), 1);
    assert_int_equal(summary_int(&m, "lost_steps"), 10); /* at step 60, on from 50 */
    assert_int_equal(summary_int(&m, "steps"), 100);
    const json_t *seconds = json_object_get(m.summary, "recovery_seconds");
    assert_int_equal(json_array_size(seconds), 1);
    assert_true(json_real_value(json_array_get(seconds, 0)) ==
                4); /* events 8 to 12, one a second */
    assert_int_equal(json_array_size(json_object_get(m.summary, "world_sizes")), 2);
    assert_string_equal(json_string_value(json_object_get(m.summary, "weights_sha256")), "abc");
    machine_release(&m);
}

/* Whichever reason arrives first, the weightiest one is recorded. */
static void the_cause_is_recorded_not_its_consequence(void **state)
{
    (void)state;
    static const struct {
        const char *events[3], *cause;
    } cases[] = {
        {{"fault 0 -25", "fault 1 -26", "exited 1 137 9 1"}, "worker 1 was killed by signal 9"},
        {{"fault 0 -25", "fault 1 -21", "exited 1 1 0 0"}, "worker 1 at step 0: it broke"},
        {{"fault 1 -21", "fault 0 -25", "exited 1 1 0 0"}, "worker 1 at step 0: it broke"},
        {{"fault 0 -25", "tick", "exited 1 1 0 1"}, "worker 1 left with exit code 1: two"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        machine m;
        machine_init(&m, 2);
        const char *first[] = {"launcher", "recovered 0", "hello 0", "hello 1"};
        for (size_t k = 0; k < 4; k++)
            machine_feed(&m, 0, first[k]);
        for (size_t k = 0; k < 3; k++)
            machine_feed(&m, 1, cases[i].events[k]);
        assert_string_equal(m.cause, cases[i].cause);
        machine_release(&m);
    }
}

static void summary_has_speed_and_accuracy(void **state)
{
    (void)state;
    machine m;
    machine_init(&m, 2);
    play(&m, &scripts[0]);
    assert_true(json_real_value(json_object_get(m.summary, "eval_accuracy")) == 0.75);
    assert_true(json_real_value(json_object_get(m.summary, "epochs")) == 1);
    /* 100 steps of 64 samples in 10 s */
    assert_true(fabs(json_real_value(json_object_get(m.summary, "samples_per_second")) - 640) <
                1e-9);
    assert_true(json_real_value(json_object_get(m.summary, "seconds_to_first_step")) == 6);
    assert_int_equal(json_array_size(json_object_get(m.summary, "peak_rss_bytes")), 2);
    assert_int_equal(summary_int(&m, "checkpoint_step"), 100);
    machine_release(&m);
}

/* Ranks that never join are named, and the generation is replaced. */
static void missing_ranks_are_named(void **state)
{
    (void)state;
    machine m;
    machine_init(&m, 4);
    machine_feed(&m, 0, "launcher");
    machine_feed(&m, 0, "recovered 0");
    machine_feed(&m, 1, "hello 2");
    machine_done(&m);
    machine_feed(&m, 4, "tick");
    assert_string_equal(machine_done(&m), "");
    machine_feed(&m, 6, "tick");
    assert_string_equal(machine_done(&m), "event:stall");
    machine_feed(&m, RT__JOIN_SECONDS, "tick");
    assert_string_equal(machine_done(&m), "event:stall"); /* for twice as long as before */
    machine_feed(&m, RT__JOIN_SECONDS + 2, "tick");
    assert_string_equal(machine_done(&m), "END_GENERATION>l");
    assert_non_null(strstr(m.run.cause.text, "from rank 0, 1, 3"));
    assert_int_equal(m.run.cause.rank, -1);
    machine_release(&m);
    machine_init(&m, 2);
    machine_feed(&m, 0, "launcher");
    machine_feed(&m, 0, "recovered 0");
    machine_feed(&m, 1, "hello 0");
    machine_feed(&m, RT__JOIN_SECONDS + 2, "tick");
    assert_int_equal(m.run.cause.rank, 1); /* the only one that is missing */
    machine_release(&m);
}

static void workers_that_do_not_leave_are_ended(void **state)
{
    (void)state;
    machine m;
    machine_init(&m, 1);
    rt_config_set(&m.cfg, "checkpoint.final=false");
    const char *events[] = {"launcher", "recovered 0", "hello 0", "finished 0 100"};
    for (size_t i = 0; i < 4; i++)
        machine_feed(&m, 1, events[i]);
    machine_done(&m);
    machine_feed(&m, RT__LEAVE_SECONDS, "tick");
    assert_string_equal(machine_done(&m), "");
    machine_feed(&m, RT__LEAVE_SECONDS + 2, "tick");
    assert_string_equal(machine_done(&m), "END_GENERATION>l");
    machine_feed(&m, RT__LEAVE_SECONDS + 3, "exited 1 143 0 -1");
    assert_int_equal(m.exit_code, 0);
    machine_release(&m);
}

/* A decision that cannot be journaled is not made. */
static void no_generation_without_its_journal_record(void **state)
{
    (void)state;
    machine m;
    machine_init(&m, 2);
    machine_feed(&m, 0, "launcher");
    machine_done(&m);
    m.journal_full = true;
    machine_feed(&m, 0, "recovered 0");
    assert_string_equal(machine_done(&m), "RUN_ENDED>l");
    assert_int_equal(m.exit_code, 1);
    assert_non_null(strstr(m.message, "no space left"));
    assert_false(rt_failed());
    machine_release(&m);
}

/* A run that a full disk ends was in order: what its workers left in memory is newer than any checkpoint. */
static void a_full_disk_costs_no_steps(void **state)
{
    (void)state;
    machine m;
    machine_init(&m, 2);
    const char *events[] = {"launcher", "recovered 0",   "hello 0",
                            "hello 1",  "progress 1 42", "report 42"};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        machine_feed(&m, 1, events[i]);
    m.journal_full = true;
    machine_feed(&m, 2, "exited 1 137 9 1");
    machine_feed(&m, 3, "recovered 0");
    assert_int_equal(m.exit_code, 1);
    assert_non_null(strstr(m.message, "no space left"));
    assert_true(m.kept);
    machine_release(&m);
}

/* A committed checkpoint stays committed, even if that cannot be journaled. */
static void a_commit_survives_a_full_journal(void **state)
{
    (void)state;
    machine m;
    machine_init(&m, 1);
    const char *events[] = {"launcher", "recovered 0", "hello 0", "layout", "piece 0 50"};
    for (size_t i = 0; i < 5; i++)
        machine_feed(&m, 1, events[i]);
    m.journal_full = true;
    machine_done(&m);
    machine_feed(&m, 2, "committed 50");
    assert_string_equal(machine_done(&m), "event:checkpoint COMMITTED>w0");
    assert_false(rt_failed());
    machine_release(&m);
}

/* ---- any order of events ---- */

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

typedef struct watch {
    bool job;        /* a job exists, as far as the launcher knows */
    int64_t started; /* generations */
    int64_t ended;   /* RUN_ENDED messages */
    bool recovering;
} watch;

/* Checks the effects of one event. */
static void check_invariants(machine *m, watch *w)
{
    char *save = NULL, effects[4096];
    snprintf(effects, sizeof effects, "%s", machine_done(m));
    for (char *e = strtok_r(effects, " ", &save); e; e = strtok_r(NULL, " ", &save)) {
        if (strcmp(e, "START_GENERATION>l") == 0) {
            assert_false(w->job); /* never two generations at once */
            w->job = true;
            assert_int_equal(m->run.generation, ++w->started);
        } else if (strncmp(e, "PLAN>", 5) == 0) {
            assert_true(w->job);
        } else if (strcmp(e, "RUN_ENDED>l") == 0) {
            assert_false(w->job); /* no process is left */
            assert_int_equal(++w->ended, 1);
        } else if (strcmp(e, "recover") == 0 || strcmp(e, "again") == 0) {
            assert_false(w->job);
            w->recovering = true;
        }
    }
    assert_false(rt_failed());
    assert_int_equal(rt__run_ended(&m->run), w->ended == 1);
}

static void feed_random(machine *m, watch *w, double now, uint64_t *seed)
{
    static const char *const kinds[] = {
        "hello %d",        "hello %d",     "hello %d",     "layout",        "progress %d 9",
        "report 10",       "piece %d 50",  "piece %d 60",  "nopiece %d 50", "finished %d 100",
        "finished %d 100", "fault %d -25", "fault %d -21", "tick",          "stranger",
        "evaluated 10"};
    uint64_t r = next_random(seed);
    char event[64];
    int rank = (int)(next_random(seed) % 3);
    if (r % 64 == 0)
        snprintf(event, sizeof event, "interrupt 2");
    else if (r % 64 == 1)
        snprintf(event, sizeof event, "fault %d -10", rank);
    else if (r % 16 == 2 && w->job) {
        snprintf(event, sizeof event, "exited %lld 137 9 %d", (long long)m->run.generation, rank);
        w->job = false;
    } else {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(event, sizeof event, kinds[next_random(seed) % 16], rank);
#pragma GCC diagnostic pop
    }
    machine_feed(m, now, event);
}

/* Answers what the machine waits for, as the shell would. */
static void answer(machine *m, watch *w, double now, uint64_t *seed)
{
    while (m->run.phase == RT__RECOVER && w->recovering && !rt__run_ended(&m->run)) {
        w->recovering = false;
        machine_feed(m, now, next_random(seed) % 2 ? "recovered 50" : "recovered 0");
        check_invariants(m, w);
    }
    for (int64_t i = m->run.checkpoints.count - 1; i >= 0 && !rt__run_ended(&m->run); i--) {
        const rt__checkpoint *c = &m->run.checkpoints.open[i];
        char event[40];
        if (!rt__checkpoint_answered(c))
            continue;
        snprintf(event, sizeof event, "%scommitted %lld", next_random(seed) % 4 ? "" : "un",
                 (long long)c->step);
        machine_feed(m, now, event);
        check_invariants(m, w);
    }
}

static void any_order_of_events_ends_well(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        uint64_t s = seed * 0x9e3779b97f4a7c15u;
        machine m;
        watch w = {0};
        double now = 0;
        machine_init(&m, 3);
        machine_feed(&m, now, "launcher");
        check_invariants(&m, &w);
        for (int i = 0; i < 120; i++, now += 0.5) {
            answer(&m, &w, now, &s);
            feed_random(&m, &w, now, &s);
            check_invariants(&m, &w);
        }
        /* Jobs that keep dying end every run, whatever came before. */
        for (int i = 0; i < 8 && !rt__run_ended(&m.run); i++, now += 1) {
            char event[40];
            answer(&m, &w, now, &s);
            snprintf(event, sizeof event, "exited %lld 137 9 0", (long long)m.run.generation);
            w.job = false;
            machine_feed(&m, now, event);
            check_invariants(&m, &w);
            machine_feed(&m, now + 0.5, "tick");
            check_invariants(&m, &w);
        }
        if (!rt__run_ended(&m.run))
            fail_msg("seed %llu: has not ended, phase %s", (unsigned long long)seed,
                     rt__run_phase_name(m.run.phase));
        machine_release(&m);
    }
}

/* Neither the journal nor the history gets a record that a successor would refuse. */
static void a_record_out_of_place_is_not_written(void **state)
{
    (void)state;
    machine m;
    machine_init(&m, 2);
    assert_int_equal(RT__DECIDE(&m.run, commit, .step = 9), RT_E_INTERNAL);
    RT__FIND(&m.run, skipped, .step = 3);
    assert_string_equal(machine_done(&m), "");
    assert_int_equal(m.run.history.committed_step, -1);
    assert_int_equal(rt__history_last_skipped(&m.run.history), -1);
    assert_non_null(strstr(m.run.violation, "the journal cannot go on with this"));
    rt_error_clear();
    machine_release(&m);
}

/* Whichever allocation fails, the machine goes on or reports it; nothing leaks and nothing crashes. */
static void survives_any_failed_allocation(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 60; n++) {
        int64_t live = rt_mem_live();
        machine m;
        machine_init(&m, 2);
        rt_mem_fail_after(n);
        for (size_t i = 0; i < sizeof killed_worker / sizeof *killed_worker; i++)
            machine_feed(&m, (double)i, killed_worker[i].event);
        rt_mem_fail_after(-1);
        rt_error_clear();
        machine_release(&m);
        assert_int_equal(rt_mem_live(), live);
    }
}

int main(void)
{
    const struct CMUnitTest more[] = {
        cmocka_unit_test(summary_counts_a_recovery),
        cmocka_unit_test(the_cause_is_recorded_not_its_consequence),
        cmocka_unit_test(summary_has_speed_and_accuracy),
        cmocka_unit_test(missing_ranks_are_named),
        cmocka_unit_test(workers_that_do_not_leave_are_ended),
        cmocka_unit_test(no_generation_without_its_journal_record),
        cmocka_unit_test(a_full_disk_costs_no_steps),
        cmocka_unit_test(a_commit_survives_a_full_journal),
        cmocka_unit_test(a_record_out_of_place_is_not_written),
        cmocka_unit_test(any_order_of_events_ends_well),
        cmocka_unit_test(survives_any_failed_allocation),
    };
    enum { SCRIPTS = sizeof scripts / sizeof *scripts, MORE = sizeof more / sizeof *more };
    struct CMUnitTest tests[SCRIPTS + MORE];
    for (size_t i = 0; i < SCRIPTS; i++)
        tests[i] = (struct CMUnitTest){.name = scripts[i].name,
                                       .test_func = follows_script,
                                       .initial_state = (void *)&scripts[i]};
    memcpy(tests + SCRIPTS, more, sizeof more);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
