/* Whole runs with fake workers that receive signals, or whose coordinator or launcher dies. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake_run.h"

/* ---- signals ---- */

static void an_interrupted_run_resumes_with_other_workers(void **state)
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

/* Each signal that schedulers, terminals and limits send leaves a checkpoint, and an exit code that does not mean success. */
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

/* The kernel repeats SIGXCPU every second: that is not a second request. */
static void a_limit_reached_repeatedly_is_one_request(void **state)
{
    (void)state;
    setenv("FAKE_STEP_SECONDS", "1", 1);
    pid_t pid = begin(NULL);
    await_text("events.jsonl", "\"event\":\"running\"");
    kill(pid, SIGXCPU);
    await_text("events.jsonl", "\"event\":\"interrupted\"");
    usleep(300000); /* any sooner, it would count as an echo of the first */
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

static void a_signal_before_the_coordinator_listens_is_reported(void **state)
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

/* The remote shell that asks the other host sends the signal, and would never end by itself. It is a script that waits for a program of
 * its own, as for ssh. */
static void a_signal_while_hosts_are_asked_leaves_nothing(void **state)
{
    (void)state;
    char agent[96], hosts[96];
    snprintf(agent, sizeof agent, "%s/agent", folder);
    snprintf(hosts, sizeof hosts, "%s/hosts.txt", folder);
    static const char text[] = "#!/bin/sh\nsleep 1000 &\nkill -INT $PPID\nwait\n";
    assert_int_equal(rt_file_replace(agent, text, strlen(text)), RT_OK);
    assert_int_equal(chmod(agent, 0755), 0);
    assert_int_equal(rt_file_replace(hosts, "elsewhere slots=4\n", 18), RT_OK);
    setenv("OMPI_MCA_plm_rsh_agent", agent, 1);
    expect_end(begin("--hostfile", hosts, "--set", "control.bind=192.0.2.1", NULL), 130);
    unsetenv("OMPI_MCA_plm_rsh_agent");
    assert_string_equal(err, "ringtorch: stopped by SIGINT before it began\n");
    assert_false(rt_path_exists(run_dir));
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

/* Interrupts a run twice within 20 ms. Returns whether it ended as after one interrupt. */
static bool ends_as_by_one_interrupt(void)
{
    rt_remove_tree(run_dir); /* left by the try before */
    rt_error_clear();
    pid_t pid = begin_slowly();
    kill(pid, SIGINT);
    usleep(20000); /* long enough for the launcher to have handled the first */
    kill(pid, SIGINT);
    expect_end(pid, 130);
    return summary_int("checkpoint_step") == summary_int("steps");
}

/* On a loaded machine, the launcher may handle the second one so late that it is no longer an echo: try again then. */
static void an_echo_of_an_interrupt_is_not_a_second_one(void **state)
{
    (void)state;
    bool good = false;
    for (int tries = 0; tries < 10 && !good; tries++)
        good = ends_as_by_one_interrupt();
    assert_true(good);
}

/* ---- coordinators and launchers that die ---- */

/* Kills the coordinator and waits for the next one. */
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
    assert_int_equal(kill(worker, 0), 0); /* it keeps training meanwhile */
    expect_end(pid, 0);
    expect_finished();
    expect_text(out, "the coordinator was killed by signal 9");
    assert_string_equal(err, "");
    assert_int_equal(summary_int("restarts"), 0);
    assert_false(file_says("metrics.jsonl", "\"generation\":2"));
}

/* Writes a coordinator that kills itself `deaths` times before it executes the real one. */
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

/* This also holds for one that has never listened. */
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
    pid_t pid = begin_slowly();
    replace_coordinator(SIGSTOP);
    expect_end(pid, 0);
    expect_finished();
    expect_text(out, "the coordinator did not answer for 5 s");
    assert_int_equal(summary_int("restarts"), 0);
}

/* If both die at once, the new coordinator learns from the launcher that the job is gone. */
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

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, run_set_up, run_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_interrupted_run_resumes_with_other_workers),
        TEST(a_run_that_goes_on_never_lacks_its_configuration),
        TEST(each_signal_ends_a_run_well),
        TEST(a_limit_reached_repeatedly_is_one_request),
        TEST(a_hangup_does_not_end_a_run_under_nohup),
        TEST(the_coordinator_leaves_signals_to_the_launcher),
        TEST(a_signal_before_the_coordinator_listens_is_reported),
        TEST(a_signal_while_hosts_are_asked_leaves_nothing),
        TEST(a_second_interrupt_does_not_wait),
        TEST(an_echo_of_an_interrupt_is_not_a_second_one),
        TEST(a_killed_coordinator_is_started_again),
        TEST(a_coordinator_killed_at_its_start_is_started_again),
        TEST(a_coordinator_that_is_always_killed_ends_the_run),
        TEST(a_stuck_coordinator_is_replaced),
        TEST(coordinator_and_worker_die_together),
        TEST(an_interrupt_reaches_the_next_coordinator),
        TEST(a_killed_launcher_takes_all_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
