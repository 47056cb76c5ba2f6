/* Whole runs with fake workers: what they leave behind, workers that fail, and what is refused. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake_run.h"

/* ---- runs that go well ---- */

static void leaves_what_it_should(void **state)
{
    (void)state;
    struct stat st;
    run(0, "-n", "3", NULL);
    expect_finished();
    assert_string_equal(err, "");
    expect_text(out, "test accuracy 93.00 %");
    expect_text(out, "samples/s");
    expect_text(out, run_dir);
    expect_text(out, "ringtorch eval "); /* by the path it was started with */
    assert_int_equal(stat(run_dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    assert_true(file_says("config.yaml", "workers: 3"));
    assert_false(rt_path_exists(in_run(".config.next.yaml")));
    assert_true(rt_path_exists(in_run("checkpoints/step-00000100/piece-00002.safetensors")));
    assert_true(rt_path_exists(in_run("checkpoints/step-00000060")));
    assert_false(rt_path_exists(in_run("checkpoints/step-00000040"))); /* checkpoint.keep is 3 */
    assert_true(file_says("metrics.jsonl", "\"world_size\":3"));
    assert_int_equal(summary_int("restarts"), 0);
}

static int count_lines(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void json_ends_with_the_summary(void **state)
{
    (void)state;
    run(0, "--json", NULL);
    assert_string_equal(err, "");
    const char *last = out;
    for (const char *line = out; *line; line = strchr(line, '\n') + 1) {
        json_t *j;
        assert_int_equal(rt_json_parse(line, (size_t)(strchr(line, '\n') - line), "line", &j),
                         RT_OK);
        assert_true(json_is_object(j));
        json_decref(j);
        last = line;
    }
    expect_text(last, "\"event\":\"summary\"");
    expect_text(last, sha_of_100);
    assert_true(count_lines(out) > 20); /* a report every 5 steps */
    rt_bytes b;
    assert_int_equal(rt_file_read(in_run("metrics.jsonl"), 1 << 20, &b), RT_OK);
    assert_int_equal(count_lines((char *)b.data), 20);
    rt_bytes_release(&b);
}

/* Users who can list processes must not learn the keys. */
static void keys_are_on_no_command_line(void **state)
{
    (void)state;
    static char text[1 << 16], secret[256];
    pid_t pid = begin_slowly();
    size_t len = read_proc(find_process("fake_worker"), "environ", text, sizeof text);
    char *value = memmem(text, len, "RINGTORCH_KEYS=", 15);
    assert_non_null(value);
    assert_int_equal(sscanf(value + 15, "%*s %*s %255s", secret), 1);
    assert_int_equal(strlen(secret), 40);
    static const char *const programs[] = {"fake_worker", "mpirun", "ringtorch-coordinator",
                                           "ringtorch"};
    for (int i = 0; i < 4; i++) {
        pid_t p = find_process(programs[i]);
        assert_true(p > 0);
        len = read_proc(p, "cmdline", text, sizeof text);
        assert_null(memmem(text, len, secret, strlen(secret)));
    }
    kill(pid, SIGTERM);
    expect_end(pid, 143);
}

/* ---- workers that fail ---- */

static void goes_on_after(const char *action, const char *cause)
{
    setenv("FAKE_ACTION", action, 1);
    run(0, NULL);
    expect_finished();
    assert_int_equal(summary_int("restarts"), 1);
    assert_in_range(summary_int("lost_steps"), 5, 15); /* from 50 or so back to 40 */
    expect_says("events.jsonl", cause);
    assert_true(file_says("metrics.jsonl", "\"generation\":2"));
    json_t *j = summary();
    const json_t *seconds = json_object_get(j, "recovery_seconds");
    assert_int_equal(json_array_size(seconds), 1);
    assert_true(json_real_value(json_array_get(seconds, 0)) > 0);
    assert_int_equal(json_array_size(json_object_get(j, "world_sizes")), 2);
    json_decref(j);
}

static void a_killed_worker_is_replaced(void **state)
{
    (void)state;
    goes_on_after("kill 1 50 1", "was killed by signal 9");
}

static void a_worker_that_exits_is_replaced(void **state)
{
    (void)state;
    goes_on_after("exit 0 50 1", "left with exit code 3");
}

static void a_worker_with_a_broken_machine_is_replaced(void **state)
{
    (void)state;
    goes_on_after("io 1 50 1", "worker 1 at step 50: the disk is on fire");
}

static void a_killed_mpirun_leaves_no_orphans(void **state)
{
    (void)state;
    pid_t pid = begin_slowly();
    kill(find_process("mpirun"), SIGKILL);
    expect_end(pid, 0);
    expect_finished();
    assert_true(file_says("events.jsonl", "the job was killed by signal 9"));
}

static void gives_up_and_says_how_to_resume(void **state)
{
    (void)state;
    setenv("FAKE_ACTION", "kill 1 50 1", 1);
    run(1, "--set", "run.max_restarts=0", NULL);
    expect_text(err, "ringtorch: gave up after 0 restarts");
    expect_text(err, "--resume auto");
    summary_says("status", "failed");
    unsetenv("FAKE_ACTION");
    run(0, "--resume", "auto", NULL);
    expect_finished();
}

static void bad_input_ends_the_run_with_its_reason(void **state)
{
    (void)state;
    setenv("FAKE_ACTION", "user 1 50 1", 1);
    run(1, NULL);
    assert_non_null(strstr(err, "ringtorch: labels: 11 is out of range: expected 0 to 9\n"
                                "ringtorch: to resume from its "));
    summary_says("status", "failed");
}

static void bad_input_before_the_first_step_leaves_nothing(void **state)
{
    (void)state;
    setenv("FAKE_ACTION", "user 0 1 1", 1);
    run(2, NULL);
    assert_string_equal(err, "ringtorch: labels: 11 is out of range: expected 0 to 9\n");
    assert_false(rt_path_exists(run_dir));
    unsetenv("FAKE_ACTION");
    run(0, NULL);
    expect_finished();
}

static void workers_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    setenv("FAKE_ACTION", "hello 1 0 1", 1);
    run(2, NULL);
    expect_text(err, "instruction set");
    assert_int_equal(count_lines(err), 1);
    assert_false(rt_path_exists(run_dir));
}

static void a_failed_piece_costs_only_its_checkpoint(void **state)
{
    (void)state;
    setenv("FAKE_ACTION", "piece 1 40 1", 1);
    run(0, "--set", "checkpoint.keep=9", NULL);
    expect_finished();
    assert_true(rt_path_exists(in_run("checkpoints/step-00000020")));
    assert_false(rt_path_exists(in_run("checkpoints/step-00000040")));
    assert_false(rt_path_exists(in_run("checkpoints/.step-00000040.tmp")));
    assert_true(rt_path_exists(in_run("checkpoints/step-00000060")));
    assert_true(file_says("events.jsonl", "checkpoint_failed"));
    assert_true(file_says("events.jsonl", "no space left on device"));
}

static void a_worker_that_cannot_start_is_no_reason_to_try_again(void **state)
{
    (void)state;
    setenv("RINGTORCH_WORKER", "/bin/false", 1);
    run(1, NULL);
    expect_text(err, "the workers could not be started");
    assert_int_equal(summary_int("restarts"), 0);
}

/* ---- refusals ---- */

static void spoil(const char *checkpoint)
{
    char name[96];
    snprintf(name, sizeof name, "checkpoints/%s/piece-00001.safetensors", checkpoint);
    assert_int_equal(rt_file_replace(in_run(name), "not the weights", 15), RT_OK);
}

static void damaged_checkpoints_are_passed_over_or_refused(void **state)
{
    (void)state;
    run(0, "--set", "checkpoint.final=false", "--set", "run.steps=90", NULL);
    spoil("step-00000080");
    run(0, "--resume", "auto", NULL);
    expect_finished();
    assert_true(file_says("events.jsonl", "checkpoint_unusable"));
    assert_true(file_says("events.jsonl", "step-00000080/piece-00001.safetensors"));
    assert_true(file_says("events.jsonl", "\"start_step\":60"));

    spoil("step-00000100");
    run(2, "--resume", in_run("checkpoints/step-00000100"), "--set", "run.steps=120", NULL);
    expect_text(err, "step-00000100/piece-00001.safetensors: truncated");
    assert_int_equal(count_lines(err), 1);
    spoil("step-00000080");
    spoil("step-00000060");
    run(0, "--resume", "auto", NULL); /* it needs no checkpoint */
    expect_text(out, "nothing left to do");
    run(0, "--resume", in_run("checkpoints/step-00000100"), NULL);
    expect_text(out, "nothing left to do");
    run(2, "--resume", "auto", "--set", "run.steps=120", NULL);
    expect_text(err, "none of its 3 checkpoints can be read");
    expect_finished(); /* the old summary is still there */
}

static void another_model_is_refused_and_nothing_changes(void **state)
{
    (void)state;
    rt_bytes before, after, again;
    run(0, NULL);
    assert_int_equal(rt_file_read(in_run("config.yaml"), 1 << 20, &before), RT_OK);
    run(2, "--resume", "auto", "--set", "optimizer.lr=0.5", NULL);
    expect_text(err, "optimizer.lr: 0.001 there, 0.5 here");
    assert_int_equal(rt_file_read(in_run("config.yaml"), 1 << 20, &after), RT_OK);
    assert_string_equal((char *)after.data, (char *)before.data);
    run(2, "--resume", "auto", "-n", "5", NULL);
    expect_text(err, "parallel.slices 4 is less than parallel.workers 5");
    run(2, "--resume", "auto", "--set", "run.steps=99", NULL);
    expect_text(err, "run.steps 99: the run in ");
    expect_text(err, "has made 100 steps already");
    run(2, NULL);
    expect_text(err, "already holds a run");
    setenv("FAKE_ACTION", "user 1 101 2", 1); /* a worker of the resumed run finds it out */
    run(2, "--resume", "auto", "--set", "run.steps=120", NULL);
    expect_text(err, "labels: 11 is out of range");
    assert_int_equal(rt_file_read(in_run("config.yaml"), 1 << 20, &again), RT_OK);
    assert_string_equal((char *)again.data, (char *)before.data);
    expect_finished();
    rt_bytes_release(&again);
    rt_bytes_release(&before);
    rt_bytes_release(&after);
}

static void two_commands_cannot_own_one_directory(void **state)
{
    (void)state;
    pid_t pid = begin_slowly();
    char kept[80];
    snprintf(kept, sizeof kept, "%s/other",
             folder); /* its output must not overwrite that of the first */
    const char *const argv[] = {RT_TEST_BINARY_DIR "/bin/ringtorch",
                                "train",
                                config,
                                "--run-dir",
                                run_dir,
                                "--resume",
                                "auto",
                                NULL};
    assert_int_equal(child_end(child_program(argv, NULL, kept)), 2);
    read_output("other", err, sizeof err);
    char owner[64];
    snprintf(owner, sizeof owner, "(pid %d on host ", (int)pid);
    expect_text(err, owner);
    kill(pid, SIGINT);
    expect_end(pid, 130);
}

static void a_taken_port_is_named(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    char set[64], port[16];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
    snprintf(set, sizeof set, "control.port=%s", port);
    run(2, "--set", set, NULL);
    expect_text(err, port);
    assert_int_equal(count_lines(err), 1);
    assert_false(rt_path_exists(run_dir));
    close(fd);
}

static void a_missing_mpirun_is_named(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    setenv("PATH", folder, 1);
    run(2, NULL);
    expect_text(err, "mpirun: not found in PATH");
    setenv("PATH", "", 1);
    run(2, NULL);
    setenv("PATH", path, 1);
    expect_text(err, "mpirun: not found, because PATH is empty: set PATH");
    assert_false(rt_path_exists(run_dir));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, run_set_up, run_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(leaves_what_it_should),
        TEST(json_ends_with_the_summary),
        TEST(keys_are_on_no_command_line),
        TEST(a_killed_worker_is_replaced),
        TEST(a_worker_that_exits_is_replaced),
        TEST(a_worker_with_a_broken_machine_is_replaced),
        TEST(a_killed_mpirun_leaves_no_orphans),
        TEST(gives_up_and_says_how_to_resume),
        TEST(bad_input_ends_the_run_with_its_reason),
        TEST(bad_input_before_the_first_step_leaves_nothing),
        TEST(workers_that_do_not_fit_are_refused),
        TEST(a_failed_piece_costs_only_its_checkpoint),
        TEST(a_worker_that_cannot_start_is_no_reason_to_try_again),
        TEST(damaged_checkpoints_are_passed_over_or_refused),
        TEST(another_model_is_refused_and_nothing_changes),
        TEST(two_commands_cannot_own_one_directory),
        TEST(a_taken_port_is_named),
        TEST(a_missing_mpirun_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
