/* Machines that compute wrongly and data that crashes workers are found and named, and never affect the weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "records.h"
#include "row.h"
#include "runs.h"

static scratch s;
static char healthy[65]; /* weights of an undisturbed run */

static int set_up(void **state)
{
    (void)state;
    tiny_setup(&s);
    train_tiny(&s, in_scratch(&s, "healthy"), 2, NULL, healthy);
    setenv("RINGTORCH_WORKER", RT_TEST_BINARY_DIR "/bin/tests/system/sick_worker", 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unsetenv("RINGTORCH_WORKER");
    unsetenv("RINGTORCH_SICK");
    scratch_remove(&s);
    return 0;
}

#define MORE(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Trains with that fault. Returns the events. */
static void train_sick(const char *name, const char *illness, int workers, const char *const *more,
                       char sha[65], records *r)
{
    setenv("RINGTORCH_SICK", illness, 1);
    train_tiny(&s, in_scratch(&s, "%s", name), workers, more, sha);
    records_open(r, in_scratch(&s, "%s", name));
    records_read(r);
}

static void a_flipped_bit_is_named_and_undone(void **state)
{
    (void)state;
    char sha[65];
    records r;
    train_sick("flip", "flip 60 2", 3, MORE("--set", "run.hash_every=20"), sha, &r);
    assert_string_equal(sha, healthy);
    const json_t *event = find_event(&r, 0, "corruption", NULL);
    assert_non_null(event);
    assert_int_equal(event_int(event, "step", -1), 60);
    const json_t *ranks = json_object_get(event, "ranks");
    assert_int_equal(json_array_size(ranks), 1); /* two against one */
    assert_int_equal(json_integer_value(json_array_get(ranks, 0)), 2);
    expect_restarts(in_scratch(&s, "flip"), 1);
    records_close(&r);
}

/* Without the comparison, the fault goes unnoticed: so the test above does check the comparison. */
static void unnoticed_it_would_spoil_the_weights(void **state)
{
    (void)state;
    char sha[65];
    records r;
    train_sick("unseen", "flip 63 0", 1, NULL, sha, &r);
    assert_string_not_equal(sha, healthy);
    assert_null(find_event(&r, 0, "corruption", NULL));
    records_close(&r);
}

static void not_a_number_once_is_tried_again(void **state)
{
    (void)state;
    char sha[65];
    records r;
    train_sick("again", "nan 70 once", 2, MORE("--set", "run.nan_loss=restart-from-checkpoint"),
               sha, &r);
    assert_string_equal(sha, healthy);
    const json_t *event = find_event(&r, 0, "worker_lost", NULL);
    assert_non_null(event);
    assert_non_null(strstr(event_string(event, "cause"), "step 71"));
    records_close(&r);
}

static void a_step_is_skipped_by_all_alike(void **state)
{
    (void)state;
    char one[65], three[65];
    records r;
    train_sick("skip1", "nan 70 always", 1, MORE("--set", "run.nan_loss=skip"), one, &r);
    records_close(&r);
    train_sick("skip3", "nan 70 always", 3, MORE("--set", "run.nan_loss=skip"), three, &r);
    assert_string_equal(one, three);
    assert_string_not_equal(one, healthy);
    const json_t *event = find_event(&r, 0, "step_skipped", NULL);
    assert_non_null(event);
    assert_int_equal(event_int(event, "step", -1), 71);
    records_close(&r);
}

/* Runs until the run fails. err: what the command prints about it. */
static void fail_sick(const char *name, const char *illness, const char *set, const char *err)
{
    setenv("RINGTORCH_SICK", illness, 1);
    result r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", "2",
                   "--run-dir", in_scratch(&s, "%s", name), "--set", set, NULL);
    expect_exit(&r, 1);
    expect_text(r.err, err);
    result_release(&r);
}

static void not_a_number_repeatedly_ends_the_run(void **state)
{
    (void)state;
    fail_sick("stop", "nan 70 always", "run.nan_loss=stop", "step 71");
    fail_sick("named", "spoil 70 3", "run.nan_loss=stop", "worker 1: step 71, slice 3: ");
    fail_sick("twice", "nan 70 always", "run.nan_loss=restart-from-checkpoint",
              "again after a restart from a checkpoint");
}

static void data_that_kills_is_named(void **state)
{
    (void)state;
    records r;
    fail_sick("data", "crash 65 3", "run.max_restarts=10", "slice 3 of step 66");
    records_open(&r, in_scratch(&s, "data"));
    records_read(&r);
    const json_t *event = find_event(&r, 0, "data_fault", NULL);
    assert_non_null(event);
    assert_int_equal(event_int(event, "slice", -1), 3);
    assert_true(strlen(event_string(event, "samples")) > 0);
    expect_restarts(in_scratch(&s, "data"), 3);
    records_close(&r);
}

/* A plugin or a library that calls exit(), here with 0, ends the worker without a word. */
static void a_worker_that_calls_exit_is_named(void **state)
{
    (void)state;
    fail_sick("exit", "exit 65 3", "run.max_restarts=10", "slice 3 of step 66");
    records r;
    records_open(&r, in_scratch(&s, "exit"));
    records_read(&r);
    const json_t *event = find_event(&r, 0, "worker_lost", NULL);
    assert_non_null(event);
    expect_text(event_string(event, "cause"),
                "at step 65: ended by itself in load: a plugin or a library called exit()");
    expect_restarts(in_scratch(&s, "exit"), 3);
    records_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_flipped_bit_is_named_and_undone),    ROW(unnoticed_it_would_spoil_the_weights),
        ROW(not_a_number_once_is_tried_again),     ROW(a_step_is_skipped_by_all_alike),
        ROW(not_a_number_repeatedly_ends_the_run), ROW(data_that_kills_is_named),
        ROW(a_worker_that_calls_exit_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
