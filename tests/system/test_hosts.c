/* Workers on several hosts: they give the same weights, also when a host is lost, cut off, or comes back. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "hosts.h"
#include "records.h"
#include "runs.h"

typedef struct bench {
    scratch s;
    hosts h;
    bool made;
    char dir[128];
} bench;

static int set_up(void **state)
{
    static bench b;
    b = (bench){0};
    tiny_setup(&b.s);
    snprintf(b.dir, sizeof b.dir, "%s", in_scratch(&b.s, "run"));
    b.made = hosts_possible();
    if (b.made)
        hosts_make(&b.h, &b.s, 3);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;
    if (b->made)
        hosts_remove(&b->h);
    scratch_remove(&b->s);
    return 0;
}

#define NEED_HOSTS(b)                                                                              \
    do {                                                                                           \
        if (!(b)->made)                                                                            \
            skip();                                                                                \
    } while (0)

/* Starts a training with so many workers over the hosts with those slots; more arguments may follow. */
#define TRAIN(b, workers, slots, ...)                                                              \
    start_on_host(&(b)->h, "ringtorch", "train", in_scratch(&(b)->s, "tiny.yaml"), "-n", workers,  \
                  "--run-dir", (b)->dir, "--hostfile", host_file(&(b)->h, slots), "--set",         \
                  (b)->h.bind, ##__VA_ARGS__, NULL)

/* Trains without end: the learning rate does not depend on the number of steps. */
#define ENDLESS "--set", "run.steps=1000000", "--set", "schedule.name=constant"

/* Stops a run that would train for ever, and checks what it has made. */
static void stop_and_compare(bench *b, command c)
{
    await_step(b->dir, last_step(b->dir) + 20, LONG);
    kill(c.pid, SIGINT);
    result r = finish(c, LONG);
    expect_exit(&r, 130);
    result_release(&r);
    expect_weights_of_one_host(&b->s, b->dir, true);
}

static void two_hosts_give_the_weights_of_one(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    command c = TRAIN(b, "2", ((int[]){1, 1, 0}));
    await_step(b->dir, 20, LONG);
    result r =
        run_on_host(&b->h, 1, "pgrep -c ringtorch-worke; cat /proc/*/cmdline | tr '\\0' ' '");
    assert_int_equal(r.out[0], '1'); /* one worker is here; command lines must not show the keys: */
    expect_text(r.out, "orted");
    assert_null(strstr(r.out, "RINGTORCH_KEYS"));
    result_release(&r);
    r = finish(c, LONG);
    expect_exit(&r, 0);
    assert_string_equal(r.err, "");
    result_release(&r);
    expect_restarts(b->dir, 0);
    expect_weights_of_one_host(&b->s, b->dir, false);
}

/* The launcher's host has no worker, so that only the coordinator and mpirun listen there. */
static void mpirun_listens_where_the_coordinator_does(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    command c = TRAIN(b, "2", ((int[]){0, 1, 1}), ENDLESS);
    await_step(b->dir, 20, LONG);
    result r =
        run_on_host(&b->h, 0, "cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == \"0A\" { print $2 }'");
    assert_null(strstr(r.out, "00000000:"));
    const char *at = strstr(r.out, "01004D0A:"); /* 10.77.0.1: the coordinator */
    assert_non_null(at);
    assert_non_null(strstr(at + 1, "01004D0A:")); /* and mpirun */
    result_release(&r);
    stop_and_compare(b, c);
}

static void a_killed_worker_on_another_host_is_named(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    command c = TRAIN(b, "3", ((int[]){1, 2, 0}), ENDLESS);
    await_step(b->dir, 40, LONG);
    signal_worker(&b->s, 2, SIGKILL);
    char lost[128];
    snprintf(lost, sizeof lost, "\"cause\":\"worker 2 on %s was killed by signal 9\"",
             b->h.host[1].name);
    await_line(b->dir, lost);
    await_line(b->dir, "\"event\":\"recovered\"");
    signal_worker(&b->s, 0, SIGKILL);
    await_line(b->dir, "\"cause\":\"worker 0 was killed by signal 9\"");
    stop_and_compare(b, c);
}

static void a_lost_host_costs_its_workers(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    command c = TRAIN(b, "3", ((int[]){2, 1, 0}), ENDLESS);
    await_step(b->dir, 60, LONG);
    hosts_kill(&b->h, 1);
    await_line(b->dir, "\"event\":\"host_lost\"");
    await_line(b->dir, "\"generation\":2,\"world_size\":2"); /* at the first attempt */
    await_line(b->dir, "\"event\":\"recovered\"");
    stop_and_compare(b, c);
}

/* No checkpoint is written, so the state of the lost host is only in the memory of the other. */
static void a_copy_on_another_host_saves_the_steps(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    records r;
    command c = TRAIN(b, "3", ((int[]){1, 1, 1}), ENDLESS, "--set", "snapshot.replicas=1", "--set",
                      "checkpoint.every=0");
    await_step(b->dir, 60, LONG);
    hosts_kill(&b->h, 2);
    await_line(b->dir, "\"event\":\"recovered\"");
    records_open(&r, b->dir);
    records_read(&r);
    const json_t *running = last_event(&r, "running");
    assert_string_equal(event_string(running, "source"), "snapshot");
    assert_in_range(event_int(running, "lost_steps", -1), 0, 1);
    assert_int_equal(event_int(running, "world_size", 0), 2);
    records_close(&r);
    stop_and_compare(b, c);
}

/* The workers on the host that is cut off stay alive, and must not disturb the others, neither before nor after it is back. */
static void a_host_that_is_cut_off_comes_back(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    command c = TRAIN(b, "2", ((int[]){1, 1, 0}), ENDLESS);
    await_step(b->dir, 60, LONG);
    hosts_cut_off(&b->h, 1);
    await_line(b->dir, "\"event\":\"recovered\"");
    result r = run_on_host(&b->h, 1, "true");
    expect_exit(&r, 255);
    result_release(&r);
    await_step(b->dir, last_step(b->dir) + 20, LONG);
    hosts_reconnect(&b->h, 1);
    await_line(b->dir, "\"event\":\"host_back\"");
    await_line(b->dir, "\"generation\":3,\"world_size\":2");
    stop_and_compare(b, c);
}

static void a_host_that_is_down_is_not_used(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    hosts_kill(&b->h, 1);
    command c = TRAIN(b, "2", ((int[]){1, 1, 1}), ENDLESS);
    await_line(b->dir, "\"event\":\"host_lost\"");
    await_line(b->dir, "\"generation\":1,\"world_size\":2"); /* without it from the beginning */
    await_step(b->dir, 40, LONG);
    hosts_boot(&b->h, 1);
    await_line(b->dir, "\"event\":\"host_back\"");
    await_line(b->dir, "\"generation\":2,\"world_size\":2");
    stop_and_compare(b, c);
}

/* The next workers on that host start, but never reach the coordinator. */
static void a_host_that_cannot_reach_the_coordinator_is_not_used(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    char line[256];
    command c = TRAIN(b, "2", ((int[]){1, 1, 0}), ENDLESS, "--set", "control.port=5999");
    await_step(b->dir, 20, LONG);
    result r = run_on_host(&b->h, 1,
                           "PATH=$PATH:/usr/sbin:/sbin; "
                           "iptables -A OUTPUT -p tcp --dport 5999 --syn -j DROP");
    expect_exit(&r, 0);
    result_release(&r);
    signal_worker(&b->s, 1, SIGKILL);
    snprintf(line, sizeof line, "rank 1 on %s does not run, or cannot reach the coordinator",
             b->h.host[1].name);
    await_line(b->dir, line);
    snprintf(line, sizeof line,
             "\"host\":\"%s\",\"cause\":\"worker 1 on %s left with exit code 1: ",
             b->h.host[1].name, b->h.host[1].name);
    await_line(b->dir, line);
    await_line(b->dir, "\"event\":\"host_lost\"");
    await_line(b->dir, "\"generation\":3,\"world_size\":1");
    stop_and_compare(b, c);
}

/* All hosts here share the worker's file; the script behaves differently on one of them. */
static void a_worker_that_is_missing_on_a_host_ends_the_run_at_once(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    char line[512], worker[256];
    snprintf(worker, sizeof worker, "%s", in_scratch(&b->s, "bin/ringtorch-worker"));
    snprintf(line, sizeof line, "mkdir -p %s && ln -s %s/bin/ringtorch-worker %s && exit 0; exit 1",
             in_scratch(&b->s, "bin"), RT_TEST_BINARY_DIR, worker);
    result r = run(&b->s, LONG, "sh", "-c", line, NULL);
    expect_exit(&r, 0);
    result_release(&r);
    snprintf(line, sizeof line, "mount -t tmpfs tmpfs %s", in_scratch(&b->s, "bin"));
    r = run_on_host(&b->h, 1, line);
    expect_exit(&r, 0);
    result_release(&r);
    setenv("RINGTORCH_WORKER", worker, 1);
    command c = TRAIN(b, "2", ((int[]){1, 1, 0}), ENDLESS);
    r = finish(c, LONG);
    unsetenv("RINGTORCH_WORKER");
    expect_exit(&r, 2);
    snprintf(line, sizeof line, ":2: host %s: %s cannot be executed there: put it there",
             b->h.host[1].name, worker);
    expect_text(r.err, line);
    result_release(&r);
}

/* A run directory that is not shared. */
static void a_configuration_that_is_missing_on_a_host_ends_the_run_at_once(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    char line[512];
    snprintf(line, sizeof line, "mkdir -p %s && mount -t tmpfs tmpfs %s", b->dir, b->dir);
    result r = run_on_host(&b->h, 1, line);
    expect_exit(&r, 0);
    result_release(&r);
    command c = TRAIN(b, "2", ((int[]){1, 1, 0}), ENDLESS);
    r = finish(c, LONG);
    expect_exit(&r, 2);
    snprintf(line, sizeof line, ":2: host %s: %s, the run directory, is not shared: another ",
             b->h.host[1].name, b->dir);
    expect_text(r.err, line);
    result_release(&r);
}

/* A host is added to the host file during a run, and removed again. */
static void the_host_file_may_change(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    command c = TRAIN(b, "2", ((int[]){1, 0, 0}), ENDLESS);
    await_step(b->dir, 40, LONG);
    host_file(&b->h, (int[]){1, 1, 0});
    await_line(b->dir, "\"generation\":2,\"world_size\":2");
    await_step(b->dir, last_step(b->dir) + 40, LONG);
    host_file(&b->h, (int[]){1, 0, 0});
    await_line(b->dir, "\"generation\":3,\"world_size\":1");
    stop_and_compare(b, c);
    expect_restarts(b->dir, 0); /* nothing has failed */
}

/* Nothing of the run remains on any host: the launcher's remote shells and mpirun are gone. */
static void no_process_on_any_host_outlives_the_launcher(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    command c = TRAIN(b, "3", ((int[]){1, 1, 1}), ENDLESS);
    await_step(b->dir, 40, LONG);
    kill(c.pid, SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 128 + SIGKILL);
    result_release(&r);
    assert_true(all_ended(&b->s, LONG));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(two_hosts_give_the_weights_of_one),
        TEST(mpirun_listens_where_the_coordinator_does),
        TEST(a_killed_worker_on_another_host_is_named),
        TEST(a_lost_host_costs_its_workers),
        TEST(a_copy_on_another_host_saves_the_steps),
        TEST(a_host_that_is_cut_off_comes_back),
        TEST(a_host_that_is_down_is_not_used),
        TEST(a_host_that_cannot_reach_the_coordinator_is_not_used),
        TEST(a_worker_that_is_missing_on_a_host_ends_the_run_at_once),
        TEST(a_configuration_that_is_missing_on_a_host_ends_the_run_at_once),
        TEST(the_host_file_may_change),
        TEST(no_process_on_any_host_outlives_the_launcher),
    };
    /* No host would choose this by itself, so the others compute the same only if the launcher passes it on. */
    setenv("OPENBLAS_CORETYPE", "Nehalem", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
