/* A run is stopped by a signal or a tool, in every phase. */
#include "script.h"

/* The run is stopped before the first step, so nothing can be lost. */
static const row nothing_to_save[] = {
    START,
    {"interrupt 15", RT__DRAIN, "journal:interrupt event:interrupted STOP>w0"},
    {"finished 0 0", RT__DRAIN, ""},
    {"finished 1 0", RT__LEAVE, "journal:over FORGET>w0 STOP>w0 FORGET>w1 STOP>w1"},
    {"exited 1 0 0 -1", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l"},
};

static const row interrupted[] = {
    START,
    {"progress 1 42", RT__RUN, ""},
    {"interrupt 2", RT__DRAIN,
     "journal:interrupt event:interrupted STOP>w0"}, /* rank 0 alone is asked */
    {"interrupt 2", RT__DRAIN, ""},
    {"piece 0 44", RT__DRAIN, ""},
    {"piece 1 44", RT__DRAIN, "journal:committing commit:44"},
    {"committed 44", RT__DRAIN, "event:checkpoint journal:commit COMMITTED>w0 COMMITTED>w1"},
    {"finished 0 44", RT__DRAIN, ""},
    {"finished 1 44", RT__LEAVE, "journal:over FORGET>w0 STOP>w0 FORGET>w1 STOP>w1"},
    {"exited 1 0 0 -1", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l"},
};

static const row interrupted_then_killed[] = {
    START,
    {"progress 1 42", RT__RUN, ""},
    {"interrupt 2", RT__DRAIN, "journal:interrupt event:interrupted STOP>w0"},
    {"exited 1 137 9 1", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l"},
};

/* mpirun has started the workers, and starts no others: one that must leave takes the run with it, and neither a second signal, which
 * mpirun sends to all, nor a worker that dies after it, hurries that. */
#define STARTED_ONCE                                                                               \
    {"launcher 0 1", RT__RECOVER, "recover"},                                                      \
        {"recovered 0", RT__GATHER, "journal:generation g1 START_GENERATION>l event:generation"},  \
        {"hello 1", RT__GATHER, ""},                                                               \
        {"hello 0", RT__RUN, "journal:plan PLAN>w0 PLAN>w1 event:running"},                        \
        {"layout", RT__RUN, ""},                                                                   \
    {                                                                                              \
        "progress 1 42", RT__RUN, ""                                                               \
    }

static const row a_worker_of_the_only_job_leaves[] = {
    STARTED_ONCE,
    {"scale 1", RT__RUN, "REFUSED>t"},
    {"leave 1", RT__DRAIN, "event:leave journal:interrupt event:interrupted STOP>w0"},
    {"leave 0", RT__DRAIN, "event:leave"},
    {"piece 0 44", RT__DRAIN, ""},
    {"piece 1 44", RT__DRAIN, "journal:committing commit:44"},
    {"committed 44", RT__DRAIN, "event:checkpoint journal:commit COMMITTED>w0 COMMITTED>w1"},
    {"finished 0 44", RT__DRAIN, ""},
    {"finished 1 44", RT__LEAVE, "journal:over FORGET>w0 STOP>w0 FORGET>w1 STOP>w1"},
    {"exited 1 0 0 -1", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l"},
};

static const row the_only_job_is_lost[] = {
    STARTED_ONCE,
    {"report 60", RT__RUN, "journal:first_step metrics"},
    {"exited 1 137 9 1", RT__FAILED,
     "journal:exited event:worker_lost event:failed journal:end summary:failed RUN_ENDED>l kept"},
};

/* mpirun tells the others to leave when a rank has failed: that is a failure, not a stop. */
static const row the_only_job_is_lost_and_the_others_leave[] = {
    STARTED_ONCE,
    {"report 60", RT__RUN, "journal:first_step metrics"},
    {"leave 0", RT__DRAIN, "event:leave journal:interrupt event:interrupted STOP>w0"},
    {"exited 1 137 9 1", RT__FAILED,
     "journal:exited event:worker_lost event:failed journal:end summary:failed RUN_ENDED>l kept"},
};

static const row the_only_job_is_lost_while_it_stops[] = {
    STARTED_ONCE,
    {"report 60", RT__RUN, "journal:first_step metrics"},
    {"interrupt 15", RT__DRAIN, "journal:interrupt event:interrupted STOP>w0"},
    {"exited 1 137 9 1", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l kept"},
};

/* The job is lost after its last step, while that step's checkpoint is being committed: the commit decides whether all is saved. */
#define KILLED_WHILE_COMMITTING                                                                    \
    {"progress 1 42", RT__RUN, ""},                                                                \
        {"interrupt 2", RT__DRAIN, "journal:interrupt event:interrupted STOP>w0"},                 \
        {"piece 0 44", RT__DRAIN, ""}, {"piece 1 44", RT__DRAIN, "journal:committing commit:44"},  \
        {"finished 0 44", RT__DRAIN, ""}, {"finished 1 44", RT__DRAIN, ""},                        \
        {"exited 1 137 9 1", RT__SETTLE, ""},                                                      \
    {                                                                                              \
        "tick", RT__SETTLE, ""                                                                     \
    }

static const row killed_while_committing[] = {
    START,
    KILLED_WHILE_COMMITTING,
    {"committed 44", RT__DONE,
     "event:checkpoint journal:commit event:stopped journal:end summary:stopped RUN_ENDED>l"},
};

static const row killed_while_committing_in_vain[] = {
    START,
    KILLED_WHILE_COMMITTING,
    {"uncommitted 44", RT__FAILED,
     "discard:44 event:checkpoint_failed journal:abort event:failed journal:end summary:failed "
     "RUN_ENDED>l"},
};

static const row interrupted_while_gathering[] = {
    {"launcher", RT__RECOVER, "recover"},
    {"recovered 0", RT__GATHER, "journal:generation g1 START_GENERATION>l event:generation"},
    {"interrupt 15", RT__QUIT, "journal:interrupt event:interrupted END_GENERATION>l"},
    {"hello 0", RT__QUIT, "REFUSED>w0"},
    {"exited 1 1 0 -1", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l"},
};

static const row interrupted_while_recovering[] = {
    START,
    {"exited 1 137 9 1", RT__RECOVER, "journal:exited event:worker_lost again"},
    {"interrupt 2", RT__DONE,
     "journal:interrupt event:interrupted event:stopped journal:end summary:stopped RUN_ENDED>l"},
    {"recovered 0", RT__DONE, ""},
};

static const row interrupted_before_it_began[] = {
    {"launcher", RT__RECOVER, "recover"},
    {"interrupt 1", RT__DONE, "journal:interrupt event:interrupted RUN_ENDED>l"},
};

/* Reading a checkpoint may take long, which an event reports. An interrupt does not wait for its end, and its result is ignored. */
static const row interrupted_while_verifying[] = {
    {"launcher", RT__RECOVER, "recover"},
    {"verifying 100", RT__RECOVER, ""},
    {"verifying 200", RT__RECOVER, "event:verifying"},
    {"verifying 300", RT__RECOVER, ""},
    {"scale 1", RT__RECOVER, "REFUSED>t"}, /* the slices may still change */
    {"interrupt 2", RT__DONE, "journal:interrupt event:interrupted RUN_ENDED>l"},
    {"recovered 50", RT__DONE, ""},
};

static const row goes_on_after_verifying[] = {
    {"launcher", RT__RECOVER, "recover"},
    {"verifying 100", RT__RECOVER, ""},
    {"verifying 1000", RT__RECOVER, "event:verifying"},
    {"recovered 50", RT__GATHER, "journal:generation g1 START_GENERATION>l event:generation"},
    {"verifying 1000", RT__GATHER, ""}, /* of old checkpoints, during training */
};

/* After a second signal, a state that has not reached the disk stays in memory for the next launch. */
static const row interrupted_twice[] = {
    START,
    {"report 60", RT__RUN, "journal:first_step metrics"},
    {"interrupt 10", RT__DRAIN, "journal:interrupt event:interrupted STOP>w0"},
    {"interrupt 10", RT__DRAIN, ""},
    {"exited 1 0 0 -1", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l kept"},
};

static const row interrupted_twice_without_snapshots[] = {
    {"snapshots 0", RT__BOOT, ""},
    START,
    {"report 60", RT__RUN, "journal:first_step metrics"},
    {"interrupt 10", RT__DRAIN, "journal:interrupt event:interrupted STOP>w0"},
    {"interrupt 10", RT__DRAIN, ""},
    {"exited 1 0 0 -1", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l"},
};

static const row interrupted_twice_while_recovering[] = {
    START,
    {"report 60", RT__RUN, "journal:first_step metrics"},
    {"exited 1 137 9 1", RT__RECOVER, "journal:exited event:worker_lost again"},
    {"interrupt 15", RT__RECOVER, "journal:interrupt event:interrupted"},
    {"interrupt 15", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l kept"},
};

/* The signal comes too late to matter: the run is done. */
static const row interrupted_on_the_last_step[] = {
    START,
    {"report 100", RT__RUN, "journal:first_step metrics"},
    {"interrupt 15", RT__DRAIN, "journal:interrupt event:interrupted STOP>w0"},
    {"piece 0 100", RT__DRAIN, ""},
    {"piece 1 100", RT__DRAIN, "journal:committing commit:100"},
    {"committed 100", RT__DRAIN, "event:checkpoint journal:commit COMMITTED>w0 COMMITTED>w1"},
    {"finished 0 100", RT__DRAIN, ""},
    {"finished 1 100", RT__LEAVE, "journal:over FORGET>w0 STOP>w0 FORGET>w1 STOP>w1"},
    {"exited 1 0 0 -1", RT__DONE, "event:done journal:end summary:done RUN_ENDED>l"},
};

static const row stopped_by_a_tool[] = {
    START,
    {"progress 1 42", RT__RUN, ""},
    {"stop", RT__DRAIN,
     "ACCEPTED>t event:stop_ordered journal:interrupt event:interrupted STOP>w0"},
    {"piece 0 43", RT__DRAIN, ""},
    {"piece 1 43", RT__DRAIN, "journal:committing commit:43"},
    {"committed 43", RT__DRAIN, "event:checkpoint journal:commit COMMITTED>w0 COMMITTED>w1"},
    {"finished 0 43", RT__DRAIN, ""},
    {"finished 1 43", RT__LEAVE, "journal:over FORGET>w0 STOP>w0 FORGET>w1 STOP>w1"},
    {"exited 1 0 0 -1", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l"},
};

/* Ctrl-C during a recovery: the state in memory is saved before the run ends. */
static const row interrupted_in_a_recovery[] = {
    START,
    {"report 60", RT__RUN, "journal:first_step metrics"},
    {"exited 1 137 9 1", RT__RECOVER, "journal:exited event:worker_lost again"},
    {"interrupt 2", RT__RECOVER, "journal:interrupt event:interrupted"},
    {"recovered 0", RT__GATHER, "journal:generation g2 START_GENERATION>l event:generation"},
    {"hello 0 0 0 60", RT__GATHER, ""},
    {"hello 1", RT__DRAIN, "journal:plan PLAN>w0 PLAN>w1 event:running STOP>w0"},
    {"piece 0 61", RT__DRAIN, ""},
    {"piece 1 61", RT__DRAIN, "journal:committing commit:61"},
    {"committed 61", RT__DRAIN, "event:checkpoint journal:commit COMMITTED>w0 COMMITTED>w1"},
    {"finished 0 61", RT__DRAIN, "event:recovered journal:recovered"},
    {"finished 1 61", RT__LEAVE, "journal:over FORGET>w0 STOP>w0 FORGET>w1 STOP>w1"},
    {"exited 2 0 0 -1", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l"},
};

/* All is saved when a worker dies on its way out, so nothing is made again. */
static const row killed_when_all_is_saved[] = {
    START,
    {"progress 1 42", RT__RUN, ""},
    {"interrupt 2", RT__DRAIN, "journal:interrupt event:interrupted STOP>w0"},
    {"piece 0 43", RT__DRAIN, ""},
    {"piece 1 43", RT__DRAIN, "journal:committing commit:43"},
    {"committed 43", RT__DRAIN, "event:checkpoint journal:commit COMMITTED>w0 COMMITTED>w1"},
    {"finished 0 43", RT__DRAIN, ""},
    {"exited 1 137 9 1", RT__DONE, "event:stopped journal:end summary:stopped RUN_ENDED>l"},
};

static const script scripts[] = {
    SCRIPT(nothing_to_save, 143, NULL),
    SCRIPT(interrupted, 130, NULL),
    SCRIPT(interrupted_then_killed, 130, NULL),
    SCRIPT(a_worker_of_the_only_job_leaves, 143, NULL),
    SCRIPT(the_only_job_is_lost, 1, "and mpirun starts no other workers: start the job again"),
    SCRIPT(the_only_job_is_lost_and_the_others_leave, 1, "and mpirun starts no other workers"),
    SCRIPT(the_only_job_is_lost_while_it_stops, 143, NULL),
    SCRIPT(killed_while_committing, 130, NULL),
    SCRIPT(killed_when_all_is_saved, 130, NULL),
    SCRIPT(killed_while_committing_in_vain, 130, "could not be written to disk"),
    SCRIPT(interrupted_while_gathering, 143, NULL),
    SCRIPT(interrupted_while_recovering, 130, NULL),
    SCRIPT(interrupted_before_it_began, 129, "stopped by SIGHUP before it began"),
    SCRIPT(interrupted_while_verifying, 130, "stopped by SIGINT before it began"),
    SCRIPT(goes_on_after_verifying, -1, NULL),
    SCRIPT(interrupted_twice, 138, NULL),
    SCRIPT(interrupted_twice_without_snapshots, 138, NULL),
    SCRIPT(interrupted_on_the_last_step, 0, NULL),
    SCRIPT(interrupted_twice_while_recovering, 143, NULL),
    SCRIPT(stopped_by_a_tool, 143, NULL),
    SCRIPT(interrupted_in_a_recovery, 130, NULL),
};

static void asks_rank_0_to_stop_at_the_newest_step_known(void **state)
{
    (void)state;
    machine m;
    machine_init(&m, 2);
    play(&m, &(script){"", interrupted, 7, 0, NULL});
    assert_int_equal(m.stop_after, 42);
    machine_release(&m);
}

/* The generation that should write the checkpoint does not start: the run must end before the batch scheduler kills it. */
static void a_start_that_hangs_does_not_hold_up_the_end(void **state)
{
    (void)state;
    static const row rows[] = {
        START,
        {"report 60", RT__RUN, "journal:first_step metrics"},
        {"exited 1 137 9 1", RT__RECOVER, "journal:exited event:worker_lost again"},
        {"recovered 50", RT__GATHER, "journal:generation g2 START_GENERATION>l event:generation"},
        {"hello 0 0 0 60", RT__GATHER, ""},
        {"interrupt 15", RT__GATHER, "journal:interrupt event:interrupted"},
        {"tick", RT__GATHER, ""},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    machine m;
    machine_init(&m, 2);
    play(&m, &(script){"", rows, ROWS, -1, NULL});
    machine_feed(&m, ROWS + RT__STOP_SECONDS, "tick");
    assert_non_null(strstr(machine_done(&m), "END_GENERATION>l"));
    assert_int_equal(m.run.phase, RT__QUIT);
    /* The order may have been lost. The rank that has joined has no plan, so it need not move. */
    for (double now = ROWS + RT__STOP_SECONDS;
         now < ROWS + RT__STOP_SECONDS + RT__LEAVE_SECONDS + 1; now += 0.5)
        machine_feed(&m, now, "tick");
    assert_string_equal(machine_done(&m), "END_GENERATION>l");
    machine_feed(&m, ROWS + RT__STOP_SECONDS + RT__LEAVE_SECONDS + 2, "exited 2 0 0 -1");
    assert_string_equal(machine_done(&m),
                        "event:stopped journal:end summary:stopped RUN_ENDED>l kept");
    assert_int_equal(m.exit_code, 143);
    machine_release(&m);
}

int main(void)
{
    enum { SCRIPTS = sizeof scripts / sizeof *scripts };
    struct CMUnitTest tests[SCRIPTS + 2];
    for (size_t i = 0; i < SCRIPTS; i++)
        tests[i] = (struct CMUnitTest){.name = scripts[i].name,
                                       .test_func = follows_script,
                                       .initial_state = (void *)&scripts[i]};
    tests[SCRIPTS] =
        (struct CMUnitTest)cmocka_unit_test(asks_rank_0_to_stop_at_the_newest_step_known);
    tests[SCRIPTS + 1] =
        (struct CMUnitTest)cmocka_unit_test(a_start_that_hangs_does_not_hold_up_the_end);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
