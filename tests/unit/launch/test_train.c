/* Whole runs through the real command, coordinator and mpirun, with fake_worker in place of the
 * engine: what is killed, refused, interrupted and resumed, and what is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/json.h"
#include "launching.h"

static int set_up(void **state)
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

static int tear_down(void **state)
{
    (void)state;
    remove_folder();
    return 0;
}

static json_t *summary(void)
{
    json_t *j;
    if (rt_json_load(in_run("summary.json"), 1 << 20, &j) != RT_OK)
        fail_msg("%s", rt_error());
    return j;
}

static int64_t summary_int(const char *key)
{
    json_t *j = summary();
    int64_t value = -1;
    if (rt_json_int(j, key, "summary.json", &value) != RT_OK)
        fail_msg("%s", rt_error());
    json_decref(j);
    return value;
}

static void summary_says(const char *key, const char *value)
{
    json_t *j = summary();
    assert_string_equal(json_string_value(json_object_get(j, key)), value);
    json_decref(j);
}

/* The fake's weights are the SHA-256 of "100": of the number of steps made. */
static const char sha_of_100[] = "ad57366865126e55649ecb23ae1d48887544976efea46a48eb5d85a6eeb4d306";

static void expect_finished(void)
{
    summary_says("status", "done");
    summary_says("weights_sha256", sha_of_100);
    assert_int_equal(summary_int("steps"), 100);
}

/* Starts a run slow enough to be met in the middle, and waits until it has made some steps. */
static pid_t begin_slowly(void)
{
    setenv("FAKE_STEP_SECONDS", "0.04", 1);
    pid_t pid = begin(NULL);
    await_text("metrics.jsonl", "\"step\":25");
    return pid;
}

/* ---- runs that go well ---- */

static void leaves_what_it_should(void **state)
{
    (void)state;
    struct stat st;
    run(0, "-n", "3", NULL);
    expect_finished();
    assert_string_equal(err, "");
    expect_text(out, "test accuracy 93.00 %");
    expect_text(out, "images/s");
    expect_text(out, run_dir);
    expect_text(out, "ringtorch eval "); /* by the path it was started with */
    assert_int_equal(stat(run_dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
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

/* Who can list processes must not learn the keys. */
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

static void a_worker_that_leaves_is_replaced(void **state)
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
    assert_true(file_says("events.jsonl", "mpirun was killed by signal 9"));
}

static void gives_up_and_says_how_to_go_on(void **state)
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
    run(2, NULL);
    assert_string_equal(err, "ringtorch: labels: 11 is out of range: expected 0 to 9\n");
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

/* ---- interrupts and resumes ---- */

static void an_interrupted_run_goes_on_with_other_workers(void **state)
{
    (void)state;
    pid_t pid = begin_slowly();
    kill(pid, SIGINT);
    expect_end(pid, 130);
    summary_says("status", "stopped");
    int64_t step = summary_int("steps");
    assert_in_range(step, 25, 99);
    assert_int_equal(summary_int("checkpoint_step"), step); /* nothing is lost */
    expect_text(out, "--resume auto");
    unsetenv("FAKE_STEP_SECONDS");
    run(0, "--resume", "auto", "-n", "4", NULL);
    expect_finished();
    json_t *j = summary();
    assert_int_equal(json_array_size(json_object_get(j, "world_sizes")), 2);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(j, "world_sizes"), 1)), 4);
    assert_int_equal(json_integer_value(json_object_get(j, "lost_steps")), 0);
    json_decref(j);
    run(0, "--resume", "auto", NULL); /* a finished run ends again, the same */
    expect_finished();
}

/* Tools may read it at any moment. */
static void a_run_that_goes_on_never_lacks_its_configuration(void **state)
{
    (void)state;
    run(0, "--set", "run.steps=20", NULL);
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    assert_true(inotify_add_watch(watch, run_dir, IN_MOVED_FROM | IN_DELETE) >= 0);
    run(0, "--resume", "auto", NULL);
    expect_finished();
    char text[4096] __attribute__((aligned(8)));
    for (ssize_t n; (n = read(watch, text, sizeof text)) > 0;)
        for (const char *at = text; at < text + n;) {
            const struct inotify_event *e = (const void *)at;
            assert_string_not_equal(e->name, "config.yaml");
            at += sizeof *e + e->len;
        }
    close(watch);
}

/* What schedulers, terminals and limits send: each leaves a checkpoint, and an exit code that nobody takes for success. */
static void each_signal_ends_a_run_well(void **state)
{
    (void)state;
    static const struct {
        int signal, exit_code;
        const char *name;
    } rows[] = {{SIGTERM, 143, "SIGTERM"}, {SIGHUP, 129, "SIGHUP"},   {SIGUSR1, 138, "SIGUSR1"},
                {SIGUSR2, 140, "SIGUSR2"}, {SIGXCPU, 152, "SIGXCPU"}, {SIGINT, 130, "SIGINT"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[64];
        pid_t pid = begin_slowly();
        kill(pid, rows[i].signal);
        expect_end(pid, rows[i].exit_code);
        summary_says("status", "stopped");
        assert_int_equal(summary_int("checkpoint_step"), summary_int("steps"));
        snprintf(name, sizeof name, "\"name\":\"%s\"", rows[i].name);
        assert_true(file_says("events.jsonl", name));
        expect_text(out, "--resume auto");
        assert_int_equal(rt_remove_tree(run_dir), RT_OK);
    }
}

/* The kernel repeats SIGXCPU every second: that is not a second wish. */
static void a_limit_that_is_reached_again_and_again_is_one_wish(void **state)
{
    (void)state;
    setenv("FAKE_STEP_SECONDS", "1", 1);
    pid_t pid = begin(NULL);
    await_text("events.jsonl", "\"event\":\"running\"");
    kill(pid, SIGXCPU);
    await_text("events.jsonl", "\"event\":\"interrupted\"");
    usleep(300000); /* sooner, it would pass for an echo */
    kill(pid, SIGXCPU);
    expect_end(pid, 152);
    assert_int_equal(summary_int("checkpoint_step"), summary_int("steps"));
}

static void a_hangup_does_not_end_a_run_under_nohup(void **state)
{
    (void)state;
    signal(SIGHUP, SIG_IGN);
    pid_t pid = begin_slowly();
    signal(SIGHUP, SIG_DFL);
    kill(pid, SIGHUP);
    expect_end(pid, 0);
    expect_finished();
}

/* A scheduler may signal every process of a job. */
static void the_coordinator_leaves_signals_to_the_launcher(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGINT};
    pid_t pid = begin_slowly(), coordinator = find_process("ringtorch-coordinator");
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        kill(coordinator, signals[i]);
    expect_end(pid, 0);
    expect_finished();
    assert_false(file_says("events.jsonl", "coordinator_restarted"));
}

static void a_signal_before_the_coordinator_listens_is_told(void **state)
{
    (void)state;
    char program[128];
    snprintf(program, sizeof program, "%s/silent", folder);
    static const char text[] =
        "#!/bin/sh\nfor dir; do :; done\n: >\"$dir/begun\"\nexec sleep 1000\n";
    assert_int_equal(rt_file_replace(program, text, strlen(text)), RT_OK);
    assert_int_equal(chmod(program, 0755), 0);
    setenv("RINGTORCH_COORDINATOR", program, 1);
    pid_t pid = begin(NULL);
    await_text("begun", "");
    kill(pid, SIGTERM);
    expect_end(pid, 143);
    expect_text(err, "ringtorch: stopped by SIGTERM before it began\n");
}

static void a_second_interrupt_does_not_wait(void **state)
{
    (void)state;
    setenv("FAKE_STEP_SECONDS", "1000", 1);
    pid_t pid = begin(NULL);
    await_text("events.jsonl", "\"event\":\"running\"");
    kill(pid, SIGINT);
    await_text("events.jsonl", "\"event\":\"interrupted\"");
    usleep(300000);
    kill(pid, SIGINT);
    expect_end(pid, 130);
    summary_says("status", "stopped");
    assert_true(file_says("events.jsonl", "\"in_memory\":"));
}

/* Interrupts twice, 20 ms apart. Returns whether the run ended as by one. */
static bool ends_as_by_one_interrupt(void)
{
    rt_remove_tree(run_dir); /* of the try before */
    rt_error_clear();
    pid_t pid = begin_slowly();
    kill(pid, SIGINT);
    usleep(20000); /* long enough for the first to have been taken */
    kill(pid, SIGINT);
    expect_end(pid, 130);
    return summary_int("checkpoint_step") == summary_int("steps");
}

/* On a machine under load the launcher may get to the second one so late that it is none of the echoes. */
static void an_echo_of_an_interrupt_is_not_a_second_one(void **state)
{
    (void)state;
    bool good = false;
    for (int tries = 0; tries < 10 && !good; tries++)
        good = ends_as_by_one_interrupt();
    assert_true(good);
}

/* Kills the coordinator and waits until there is another one. */
static void replace_coordinator(int signal)
{
    pid_t old = find_process("ringtorch-coordinator");
    assert_true(old > 0);
    kill(old, signal);
    for (double end = rt_clock() + patience;; rt_clock_sleep(0.005)) {
        pid_t now = find_process("ringtorch-coordinator");
        if (now > 0 && now != old)
            return;
        if (rt_clock() > end)
            fail_msg("no other coordinator was started");
    }
}

static void a_killed_coordinator_is_started_again(void **state)
{
    (void)state;
    pid_t pid = begin_slowly();
    pid_t worker = find_process("fake_worker");
    replace_coordinator(SIGKILL);
    await_text("events.jsonl", "coordinator_restarted");
    replace_coordinator(SIGKILL);
    assert_int_equal(kill(worker, 0), 0); /* it trains on meanwhile */
    expect_end(pid, 0);
    expect_finished();
    expect_text(out, "the coordinator was killed by signal 9");
    assert_string_equal(err, "");
    assert_int_equal(summary_int("restarts"), 0);
    assert_false(file_says("metrics.jsonl", "\"generation\":2"));
}

/* Kills itself as often as `deaths` says before it becomes the coordinator. */
static void use_dying_coordinator(int deaths)
{
    char program[128], text[512];
    snprintf(program, sizeof program, "%s/dying", folder);
    snprintf(text, sizeof text,
             "#!/bin/sh\necho >>%s/starts\n[ $(wc -l <%s/starts) -gt %d ] || kill -9 $$\n"
             "exec %s/bin/ringtorch-coordinator \"$@\"\n",
             folder, folder, deaths, RT_TEST_BINARY_DIR);
    assert_int_equal(rt_file_replace(program, text, strlen(text)), RT_OK);
    assert_int_equal(chmod(program, 0755), 0);
    setenv("RINGTORCH_COORDINATOR", program, 1);
}

/* Also one that has never listened. */
static void a_coordinator_killed_at_its_start_is_started_again(void **state)
{
    (void)state;
    use_dying_coordinator(2);
    run(0, NULL);
    expect_finished();
    assert_string_equal(err, "");
}

static void a_coordinator_that_is_always_killed_ends_the_run(void **state)
{
    (void)state;
    use_dying_coordinator(1000);
    run(1, "--set", "run.max_restarts=3", NULL);
    expect_text(err, "the coordinator did not start: it was killed by signal 9");
}

static void a_stuck_coordinator_is_replaced(void **state)
{
    (void)state;
    setenv("FAKE_STEP_SECONDS", "0.2", 1);
    pid_t pid = begin(NULL);
    await_text("metrics.jsonl", "\"step\":5");
    replace_coordinator(SIGSTOP);
    expect_end(pid, 0);
    expect_finished();
    expect_text(out, "the coordinator did not answer for 5 s");
    assert_int_equal(summary_int("restarts"), 0);
}

/* Both at once: the new coordinator learns from the launcher that the job is gone. */
static void coordinator_and_worker_die_together(void **state)
{
    (void)state;
    pid_t pid = begin_slowly();
    kill(find_process("fake_worker"), SIGKILL);
    replace_coordinator(SIGKILL);
    expect_end(pid, 0);
    expect_finished();
    assert_int_equal(summary_int("restarts"), 1);
}

/* Ctrl-C while there is no coordinator, and while there is one that does not listen. */
static void an_interrupt_reaches_the_next_coordinator(void **state)
{
    (void)state;
    pid_t pid = begin_slowly();
    pid_t coordinator = find_process("ringtorch-coordinator");
    kill(coordinator, SIGSTOP);
    kill(pid, SIGINT);
    usleep(300000);
    kill(coordinator, SIGKILL);
    expect_end(pid, 130);
    summary_says("status", "stopped");
    assert_int_equal(summary_int("checkpoint_step"), summary_int("steps"));
}

static void a_killed_launcher_takes_all_along(void **state)
{
    (void)state;
    pid_t pid = begin_slowly();
    kill(pid, SIGKILL);
    expect_end(pid, 128 + SIGKILL);
    expect_nobody_left();
    unsetenv("FAKE_STEP_SECONDS");
    run(0, "--resume", "auto", NULL);
    expect_finished();
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
    run(2, "--resume", in_run("checkpoints/step-00000100"), NULL);
    expect_text(err, "step-00000100/piece-00001.safetensors: truncated");
    assert_int_equal(count_lines(err), 1);
    spoil("step-00000080");
    spoil("step-00000060");
    run(0, "--resume", "auto", NULL); /* it needs none */
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
    setenv("FAKE_ACTION", "user 1 101 2", 1); /* found out by a worker of the resumed run */
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
    snprintf(kept, sizeof kept, "%s/other", folder); /* its output must not overwrite the first's */
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
    setenv("PATH", path, 1);
    expect_text(err, "mpirun: not found in PATH");
    assert_false(rt_path_exists(run_dir));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(leaves_what_it_should),
        TEST(json_ends_with_the_summary),
        TEST(keys_are_on_no_command_line),
        TEST(a_killed_worker_is_replaced),
        TEST(a_worker_that_leaves_is_replaced),
        TEST(a_worker_with_a_broken_machine_is_replaced),
        TEST(a_killed_mpirun_leaves_no_orphans),
        TEST(gives_up_and_says_how_to_go_on),
        TEST(bad_input_ends_the_run_with_its_reason),
        TEST(bad_input_before_the_first_step_leaves_nothing),
        TEST(workers_that_do_not_fit_are_refused),
        TEST(a_failed_piece_costs_only_its_checkpoint),
        TEST(a_worker_that_cannot_start_is_no_reason_to_try_again),
        TEST(an_interrupted_run_goes_on_with_other_workers),
        TEST(a_run_that_goes_on_never_lacks_its_configuration),
        TEST(each_signal_ends_a_run_well),
        TEST(a_limit_that_is_reached_again_and_again_is_one_wish),
        TEST(a_hangup_does_not_end_a_run_under_nohup),
        TEST(the_coordinator_leaves_signals_to_the_launcher),
        TEST(a_signal_before_the_coordinator_listens_is_told),
        TEST(a_second_interrupt_does_not_wait),
        TEST(an_echo_of_an_interrupt_is_not_a_second_one),
        TEST(a_killed_coordinator_is_started_again),
        TEST(a_coordinator_killed_at_its_start_is_started_again),
        TEST(a_coordinator_that_is_always_killed_ends_the_run),
        TEST(a_stuck_coordinator_is_replaced),
        TEST(coordinator_and_worker_die_together),
        TEST(an_interrupt_reaches_the_next_coordinator),
        TEST(a_killed_launcher_takes_all_along),
        TEST(damaged_checkpoints_are_passed_over_or_refused),
        TEST(another_model_is_refused_and_nothing_changes),
        TEST(two_commands_cannot_own_one_directory),
        TEST(a_taken_port_is_named),
        TEST(a_missing_mpirun_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
