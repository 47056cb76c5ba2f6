/* The scratch folder of a test program about tiny runs, with their data, tiny.yaml, and room for a run.
 *
 *     cmocka_unit_test_setup_teardown(f, tiny_begin, tiny_end)      // anew for each row
 *     cmocka_run_group_tests(tests, tiny_begin, tiny_end)           // one that all rows share */
#ifndef RINGTORCH_TESTS_SYSTEM_TINY_H
#define RINGTORCH_TESTS_SYSTEM_TINY_H

#include "runs.h"
#include <stdio.h>

static scratch s;
static char run_dir[128]; /* <scratch>/run */

static inline int tiny_begin(void **state)
{
    (void)state;
    tiny_setup(&s);
    snprintf(run_dir, sizeof run_dir, "%s", in_scratch(&s, "run"));
    return 0;
}

static inline int tiny_end(void **state)
{
    (void)state;
    scratch_remove(&s);
    return 0;
}

/* Starts a run of two workers that would take hours, and waits until it has reported that step. It makes no checkpoint
 * but those that are asked for: of its own it would make many a second, and prune the one that a test looks at. */
static inline command start_endless(int64_t step)
{
    command c = start(&s, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", "2", "--run-dir",
                      run_dir, "--set", "run.steps=10000000", "--set", "schedule.name=constant",
                      "--set", "run.stall_action=report", "--set", "checkpoint.every=0", NULL);
    await_step(run_dir, step, LONG);
    return c;
}

#endif
