/* Whole runs with the real command, coordinator and mpirun, and with fake_worker in place of the engine: two workers, a
 * hundred steps, a checkpoint every twenty.
 *
 *     cmocka_unit_test_setup_teardown(f, run_set_up, run_tear_down)
 *     pid_t pid = begin_slowly();          // it has made some steps, and takes a few seconds more
 *     kill(find_process("mpirun"), SIGKILL);
 *     expect_end(pid, 0);
 *     expect_finished(); */
#ifndef RINGTORCH_TESTS_UNIT_LAUNCH_FAKE_RUN_H
#define RINGTORCH_TESTS_UNIT_LAUNCH_FAKE_RUN_H

#include "common/base/json.h"
#include "launching.h"

static inline int run_set_up(void **state)
{
    (void)state;
    make_folder("run: {steps: 100, report_every: 5, hash_every: 0}\n"
                "model: {preset: mlp}\n"
                "parallel: {workers: 2, slices: 4}\n"
                "checkpoint: {every: 20}\n");
    setenv("RINGTORCH_WORKER", RT_TEST_BINARY_DIR "/bin/tests/launch/fake_worker", 1);
    unsetenv("RINGTORCH_COORDINATOR");
    unsetenv("FAKE_ACTION");
    unsetenv("FAKE_STEP_SECONDS");
    return 0;
}

static inline int run_tear_down(void **state)
{
    (void)state;
    remove_folder();
    return 0;
}

static inline json_t *summary(void)
{
    json_t *j;
    if (rt_json_load(in_run("summary.json"), 1 << 20, &j) != RT_OK)
        fail_msg("%s", rt_error());
    return j;
}

static inline int64_t summary_int(const char *key)
{
    json_t *j = summary();
    int64_t value = -1;
    if (rt_json_int(j, key, "summary.json", &value) != RT_OK)
        fail_msg("%s", rt_error());
    json_decref(j);
    return value;
}

static inline void summary_says(const char *key, const char *value)
{
    json_t *j = summary();
    assert_string_equal(json_string_value(json_object_get(j, key)), value);
    json_decref(j);
}

/* The hash of the fake's weights is the SHA-256 of "100", the number of steps made. */
static const char sha_of_100[] = "ad57366865126e55649ecb23ae1d48887544976efea46a48eb5d85a6eeb4d306";

static inline void expect_finished(void)
{
    summary_says("status", "done");
    summary_says("weights_sha256", sha_of_100);
    assert_int_equal(summary_int("steps"), 100);
}

/* Starts a run that is slow enough to interfere with, and waits until it has made some steps. */
static inline pid_t begin_slowly(void)
{
    setenv("FAKE_STEP_SECONDS", "0.04", 1);
    pid_t pid = begin(NULL);
    await_text("metrics.jsonl", "\"step\":25");
    return pid;
}

#endif
