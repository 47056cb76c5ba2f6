/* Each row disturbs a run in one way. The run must resume from the step in flight, record in events.jsonl what happened,
 * end with the weights of an undisturbed run, and leave nothing behind. */
#include <dirent.h>
#include <ringtorch/ringtorch.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "false_clock.h"
#include "records.h"
#include "row.h"
#include "runs.h"
#include "small_disk.h"

enum { STEPS_MAX = 200000 };

/* The learning rate is constant, so that a run may be stopped after any step, and each step has a line of metrics. Dropout
 * makes random numbers part of the result, and batch norm makes statistics part of it. With sync_batch_norm, slices wait for
 * each other within a step. LAMB exchanges norms before it updates. */
#define RECOVERY_CONFIG                                                                            \
    "run: {name: recovery, seed: 11, steps: 200000, report_every: 1, hash_every: 20}\n"            \
    "model:\n"                                                                                     \
    "  layers:\n"                                                                                  \
    "    - conv2d: {out: 4, kernel: 3, padding: same}\n"                                           \
    "    - batch_norm2d\n"                                                                         \
    "    - relu\n"                                                                                 \
    "    - max_pool2d: 2\n"                                                                        \
    "    - flatten\n"                                                                              \
    "    - linear: 96\n"                                                                           \
    "    - sync_batch_norm\n"                                                                      \
    "    - relu\n"                                                                                 \
    "    - dropout: 0.1\n"                                                                         \
    "    - linear: 10\n"                                                                           \
    "data: {dataset: fashion-mnist, path: \"%s\", batch: 128}\n"                                   \
    "optimizer:\n"                                                                                 \
    "  name: lamb\n"                                                                               \
    "  weight_decay: 0.01\n"                                                                       \
    "  clip_norm: 1.0\n"                                                                           \
    "  groups: [{match: '*.bias', weight_decay: 0}]\n"                                             \
    "parallel: {slices: 4}\n"                                                                      \
    "checkpoint: {keep: 3}\n"

static scratch s;
static char config[128];

/* ---- the weights of an undisturbed run ---- */

static rt_trainer *undisturbed;
static char (*expected)[65]; /* [STEPS_MAX + 1]: weights after so many steps */
static int64_t known;        /* up to which step they are known */

/* A step is a pure function of the state before it, so a single process that makes one step after the other finds the
 * weights of every run of this configuration. */
static const char *expected_at(int64_t step)
{
    assert_in_range(step, 1, STEPS_MAX);
    for (; known < step; known++) {
        if (rt_trainer_step(undisturbed) != RT_OK ||
            rt_trainer_weights_sha256(undisturbed, expected[known + 1]) != RT_OK)
            fail_msg("%s", rt_error());
    }
    return expected[step];
}

static int set_up(void **state)
{
    (void)state;
    scratch_make(&s);
    make_data(&s, &(data_set){.train = 520, .test = 100});
    snprintf(config, sizeof config, "%s", write_config(&s, "recovery.yaml", RECOVERY_CONFIG));
    undisturbed = rt_trainer_open(config);
    expected = rt_calloc(STEPS_MAX + 1, sizeof *expected);
    if (!undisturbed || !expected)
        fail_msg("%s", rt_error());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rt_free(undisturbed);
    rt_mem_free(expected);
    scratch_remove(&s);
    return 0;
}

/* ---- a run to disturb ---- */

typedef struct trial {
    char dir[128], workers[8];
    const char *checkpoints; /* when it writes them */
    command c;
    records r;
    bool snapshots; /* if it has them, it may lose only the step in flight */
} trial;

static void launch_again(trial *t, const char *resume)
{
    t->c = start(&s, "ringtorch", "train", config, "-n", t->workers, "--run-dir", t->dir,
                 "--resume", resume, "--set", t->checkpoints, NULL);
}

static void launch_with(trial *t, const char *name, int workers, const char *checkpoints)
{
    *t = (trial){.checkpoints = checkpoints, .snapshots = true};
    snprintf(t->dir, sizeof t->dir, "%s", in_scratch(&s, "%s", name));
    snprintf(t->workers, sizeof t->workers, "%d", workers);
    records_open(&t->r, t->dir);
    launch_again(t, "never");
}

static void launch(trial *t, const char *name, int workers)
{
    launch_with(t, name, workers, "checkpoint.every=50");
}

static void make_steps(trial *t, size_t steps)
{
    if (!await_metrics(&t->r, steps, LONG))
        fail_msg("%s: not %zu more steps in %d s", t->dir, steps, LONG);
}

/* In the middle of its work. */
static void begin(trial *t, const char *name, int workers)
{
    launch(t, name, workers);
    make_steps(t, 30);
}

static json_t *must_come(trial *t, size_t from, const char *name)
{
    json_t *event = await_event(&t->r, from, name, LONG);
    if (!event)
        fail_msg("%s: no event '%s' in %d s", t->dir, name, LONG);
    return event;
}

static pid_t find(const char *program)
{
    pid_t pid = find_program(&s, program, LONG);
    assert_true(pid > 0);
    return pid;
}

/* ---- the end of each row ---- */

static void expect_few_lost_steps(const trial *t)
{
    size_t at = 0;
    for (json_t *e; (e = find_event(&t->r, at, "running", &at)); at++)
        if (event_int(e, "lost_steps", -1) > 1 || event_int(e, "lost_steps", -1) < 0)
            fail_msg("%s: generation %lld has lost %lld steps", t->dir,
                     (long long)event_int(e, "generation", -1),
                     (long long)event_int(e, "lost_steps", -1));
}

static void expect_none_of(const char *folder, const char *start)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (strncmp(e->d_name, start, strlen(start)) == 0)
            fail_msg("left over: %s/%s", folder, e->d_name);
    closedir(d);
}

/* Stops the run. Its result must be that of an undisturbed run. */
static void end(trial *t)
{
    char sha[65], id[64], name[96];
    make_steps(t, 5);
    kill(-t->c.pid, SIGINT);
    result r = finish(t->c, LONG);
    expect_exit(&r, 130);
    result_release(&r);
    assert_true(all_ended(&s, LONG));
    records_read(&t->r);
    if (t->snapshots)
        expect_few_lost_steps(t);
    summary_text(t->dir, "weights_sha256", sha, sizeof sha);
    assert_string_equal(sha, expected_at(summary_int(t->dir, "steps")));
    assert_int_equal(t->r.torn, 0);
    summary_text(t->dir, "run", id, sizeof id);
    snprintf(name, sizeof name, "ringtorch-%s", id);
    expect_none_of("/dev/shm", name);
    expect_none_of("/tmp", name);
    records_close(&t->r);
}

/* ---- deaths in the middle of a step ---- */

/* Returns whether a loss names this rank. */
static bool names(const json_t *lost, int64_t rank)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(lost, "ranks"), i, one)
    {
        if (json_integer_value(one) == rank)
            return true;
    }
    return event_int(lost, "rank", -1) == rank;
}

static void expect_recovery(trial *t, size_t from)
{
    json_t *recovered = must_come(t, from, "recovered");
    static const char *const parts[] = {"recovery_seconds", "detect",    "stop", "start",
                                        "restore",          "first_step"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_true(event_number(recovered, parts[i], -1) >= 0);
}

static void kill_one(const char *name, int rank)
{
    trial t;
    begin(&t, name, 2);
    size_t before = records_events(&t.r);
    signal_worker(&s, rank, SIGKILL);
    json_t *lost = must_come(&t, before, "worker_lost");
    assert_true(names(lost, rank));
    assert_false(names(lost, 1 - rank));
    assert_int_equal(event_int(lost, "signal", 0), SIGKILL);
    expect_recovery(&t, before);
    end(&t);
}

static void rank_0_is_killed(void **state)
{
    (void)state;
    kill_one("rank0", 0);
}

static void rank_1_is_killed(void **state)
{
    (void)state;
    kill_one("rank1", 1);
}

static void both_ranks_are_killed(void **state)
{
    (void)state;
    trial t;
    begin(&t, "both", 2);
    size_t before = records_events(&t.r);
    pid_t one = find_worker(&s, 0, LONG), other = find_worker(&s, 1, LONG);
    kill(one, SIGKILL);
    kill(other, SIGKILL);
    json_t *lost = must_come(&t, before, "worker_lost");
    assert_true(names(lost, 0) || names(lost, 1));
    expect_recovery(&t, before);
    end(&t);
}

static void mpirun_is_killed(void **state)
{
    (void)state;
    trial t;
    begin(&t, "mpirun", 2);
    size_t before = records_events(&t.r);
    kill(find("orterun"), SIGKILL);
    expect_text(event_string(must_come(&t, before, "worker_lost"), "cause"),
                "the job was killed by signal 9");
    expect_recovery(&t, before);
    end(&t);
}

/* Workers keep stepping meanwhile, so none is restarted. */
static void the_coordinator_is_killed(void **state)
{
    (void)state;
    trial t;
    begin(&t, "coordinator", 2);
    size_t before = records_events(&t.r);
    pid_t worker = find_worker(&s, 0, LONG);
    kill(find("ringtorch-coordinator"), SIGKILL);
    must_come(&t, before, "coordinator_restarted");
    make_steps(&t, 20);
    assert_int_equal(find_worker(&s, 0, LONG), worker);
    assert_null(find_event(&t.r, before, "generation", NULL));
    end(&t);
}

static void the_launcher_is_killed(void **state)
{
    (void)state;
    trial t;
    begin(&t, "launcher", 2);
    size_t before = records_events(&t.r);
    kill(t.c.pid, SIGKILL);
    result r = finish(t.c, LONG);
    expect_exit(&r, 128 + SIGKILL);
    result_release(&r);
    assert_true(all_ended(&s, LONG));
    snprintf(t.workers, sizeof t.workers, "3");
    launch_again(&t, "auto");
    json_t *running = must_come(&t, before, "running");
    assert_int_equal(event_int(running, "world_size", 0), 3);
    assert_string_equal(event_string(running, "source"), "snapshot");
    end(&t);
}

/* ---- deaths at inconvenient times ---- */

/* The second generation loses a worker before its first step. */
static void a_worker_is_killed_at_the_start(void **state)
{
    (void)state;
    trial t;
    launch(&t, "start", 2);
    signal_worker(&s, 1, SIGKILL);
    json_t *lost = must_come(&t, 0, "worker_lost");
    assert_true(names(lost, 1));
    must_come(&t, 0, "running");
    end(&t);
}

static bool is_being_written(const trial *t)
{
    char folder[160];
    rt_names names = {0};
    bool found = false;
    snprintf(folder, sizeof folder, "%s/checkpoints", t->dir);
    if (rt_dir_list(folder, &names) == RT_OK)
        for (size_t i = 0; i < names.count; i++)
            found = found || strncmp(names.name[i], ".step-", 6) == 0;
    rt_error_clear();
    rt_names_release(&names);
    return found;
}

static void a_worker_is_killed_in_a_checkpoint(void **state)
{
    (void)state;
    trial t;
    begin(&t, "saving", 2);
    pid_t worker = find_worker(&s, 1, LONG);
    for (double limit = rt_clock() + LONG; !is_being_written(&t) && rt_clock() < limit;)
        continue; /* it does not take long */
    size_t before = records_events(&t.r);
    kill(worker, SIGKILL);
    assert_true(names(must_come(&t, before, "worker_lost"), 1));
    expect_recovery(&t, before);
    must_come(&t, before, "checkpoint");
    end(&t);
    char folder[160];
    snprintf(folder, sizeof folder, "%s/checkpoints", t.dir);
    expect_none_of(folder, ".step-"); /* the incomplete checkpoint is gone */
}

static void two_are_killed_100_ms_apart(void **state)
{
    (void)state;
    trial t;
    begin(&t, "twice", 3);
    size_t before = records_events(&t.r);
    signal_worker(&s, 2, SIGKILL);
    usleep(100000);
    pid_t second = find_worker(&s, 0, LONG); /* of the old generation or of the new one */
    kill(second, SIGKILL);
    assert_true(names(must_come(&t, before, "worker_lost"), 2));
    must_come(&t, before, "generation");
    expect_recovery(&t, before);
    end(&t);
}

/* ---- workers that do not move ---- */

static json_t *stall_of(trial *t, size_t from, int rank, pid_t pid)
{
    json_t *stall;
    do { /* a loaded machine has stalls of its own */
        must_come(t, from, "stall");
        stall = find_event(&t->r, from, "stall", &from);
        from++;
    } while (event_int(stall, "rank", -1) != rank);
    assert_int_equal(event_int(stall, "pid", -1), pid);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    assert_string_equal(event_string(stall, "host"), host);
    assert_true(event_string(stall, "phase")[0] != '\0');
    assert_true(event_number(stall, "seconds", 0) > 2);
    expect_text(event_string(stall, "text"), host);
    return stall;
}

/* The stall is reported while it lasts, and ends before the worker is given up. */
static void a_stopped_worker_is_named(void **state)
{
    (void)state;
    trial t;
    begin(&t, "stopped", 3);
    size_t before = records_events(&t.r);
    pid_t pid = signal_worker(&s, 1, SIGSTOP);
    stall_of(&t, before, 1, pid);
    kill(pid, SIGCONT);
    make_steps(&t, 20);
    must_come(&t, before, "stall_over");
    end(&t);
}

static void a_worker_that_stays_stopped_is_replaced(void **state)
{
    (void)state;
    trial t;
    begin(&t, "replaced", 2);
    size_t before = records_events(&t.r);
    pid_t pid = signal_worker(&s, 0, SIGSTOP);
    stall_of(&t, before, 0, pid);
    json_t *lost = must_come(&t, before, "worker_lost");
    assert_int_equal(event_int(lost, "rank", -1), 0);
    expect_recovery(&t, before);
    end(&t);
}

static void a_stall_of_a_second_is_no_reason(void **state)
{
    (void)state;
    trial t;
    begin(&t, "second", 2);
    size_t before = records_events(&t.r);
    pid_t pid = signal_worker(&s, 1, SIGSTOP);
    usleep(1000000);
    kill(pid, SIGCONT);
    make_steps(&t, 20);
    assert_int_equal(find_worker(&s, 1, LONG), pid);
    assert_null(find_event(&t.r, before, "generation", NULL));
    assert_null(find_event(&t.r, before, "worker_lost", NULL));
    end(&t);
}

/* ---- what the operator does ---- */

static void a_worker_is_told_to_leave(void **state)
{
    (void)state;
    trial t;
    begin(&t, "leaves", 3);
    size_t before = records_events(&t.r);
    signal_worker(&s, 2, SIGTERM);
    assert_int_equal(event_int(must_come(&t, before, "leave"), "rank", -1), 2);
    assert_int_equal(event_int(must_come(&t, before, "generation"), "world_size", 0), 2);
    assert_null(find_event(&t.r, before, "worker_lost", NULL));
    end(&t);
}

static void scale_to(trial *t, const char *workers, int64_t from, int64_t to)
{
    size_t before = records_events(&t->r);
    result r = run(&s, LONG, "ringtorch", "scale", t->dir, workers, NULL);
    expect_exit(&r, 0);
    result_release(&r);
    json_t *scaled = must_come(t, before, "scaled");
    assert_int_equal(event_int(scaled, "from", 0), from);
    assert_int_equal(event_int(scaled, "to", 0), to);
    json_t *running = must_come(t, before, "running");
    assert_int_equal(event_int(running, "world_size", 0), to);
    assert_int_equal(event_int(running, "lost_steps", -1), 0);
    make_steps(t, 10);
}

static void it_grows_and_shrinks(void **state)
{
    (void)state;
    trial t;
    begin(&t, "scaled", 2);
    scale_to(&t, "4", 2, 4);
    scale_to(&t, "1", 4, 1);
    scale_to(&t, "3", 1, 3);
    end(&t);
}

/* The run writes no other checkpoints, which could prune this one before it is verified, or be mistaken for it. */
static void a_checkpoint_is_made_at_once(void **state)
{
    (void)state;
    trial t;
    launch_with(&t, "now", 2, "checkpoint.every=0");
    make_steps(&t, 30);
    size_t before = records_events(&t.r);
    result r = run(&s, LONG, "ringtorch", "checkpoint", "now", t.dir, NULL);
    expect_exit(&r, 0);
    json_t *saved = must_come(&t, before, "checkpoint");
    assert_true(rt_path_exists(event_string(saved, "path")));
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "checkpoint", "verify", event_string(saved, "path"), NULL);
    expect_exit(&r, 0);
    result_release(&r);
    end(&t);
}

/* ---- the clock of the day ---- */

static void expect_clock(int64_t offset)
{
    result r = run(&s, LONG, "date", "+%s", NULL);
    expect_exit(&r, 0);
    assert_true(llabs(strtoll(r.out, NULL, 10) - (time(NULL) + offset)) < 60);
    result_release(&r);
}

/* On a loaded machine workers may stall, but not for longer than this row has been running. */
static void expect_true_stalls(const trial *t, double began)
{
    size_t at = 0;
    for (json_t *e; (e = find_event(&t->r, at, "stall", &at)); at++)
        assert_true(event_number(e, "seconds", -1) > 0 &&
                    event_number(e, "seconds", -1) < rt_clock() - began);
}

/* The clock jumps two days forward, then four back, around losses of workers and of the coordinator: no process counts as
 * late, and no time is negative. */
static void the_clock_jumps(void **state)
{
    (void)state;
    static const int64_t offsets[] = {2 * 86400, -2 * 86400};
    trial t;
    double began = rt_clock();
    assert_true(false_clock_begin(in_scratch(&s, "clock")));
    begin(&t, "jumps", 2);
    for (int i = 0; i < 2; i++) {
        false_clock_set(offsets[i]);
        expect_clock(offsets[i]);
        make_steps(&t, 20);
        size_t before = records_events(&t.r);
        signal_worker(&s, 1, SIGKILL);
        expect_recovery(&t, before);
        make_steps(&t, 20);
        before = records_events(&t.r);
        kill(find("ringtorch-coordinator"), SIGKILL);
        json_t *back = must_come(&t, before, "coordinator_restarted");
        assert_true(event_number(back, "seconds", -1) > 0);
        assert_true(event_number(back, "seconds", -1) < rt_clock() - began);
    }
    expect_true_stalls(&t, began);
    end(&t);
    false_clock_end();
}

/* ---- no room, no permission ---- */

/* Without room for snapshots a run continues, says so, and recovers from a checkpoint. */
static void shared_memory_is_full(void **state)
{
    (void)state;
    if (!own_mounts() || !mount_small("/dev/shm", "128m"))
        skip();
    trial t;
    begin(&t, "full", 2);
    t.snapshots = false; /* in the end */
    make_steps(&t, 50);  /* and so a checkpoint */
    size_t before = records_events(&t.r);
    fill_start("/dev/shm", 0);
    signal_worker(&s, 1, SIGKILL);
    json_t *trouble = must_come(&t, before, "snapshot_trouble");
    expect_text(event_string(trouble, "text"), "/dev/shm/ringtorch-");
    assert_int_equal(event_int(must_come(&t, before, "running"), "lost_steps", 9) <= 1, true);
    must_come(&t, records_events(&t.r), "checkpoint"); /* newer than the snapshots of before */
    before = records_events(&t.r);
    signal_worker(&s, 0, SIGKILL);
    must_come(&t, before, "worker_lost");
    expect_text(event_string(must_come(&t, before, "running"), "source"), "/checkpoints/step-");
    make_steps(&t, 20);
    fill_stop();
    end(&t);
    unmount("/dev/shm");
}

static void a_read_only_run_directory_is_named(void **state)
{
    (void)state;
    char dir[128];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "locked"));
    assert_int_equal(rt_dir_make(dir, 0700), RT_OK);
    bool mounted = geteuid() == 0 && own_mounts() && mount_read_only(dir);
    if (geteuid() == 0 && !mounted)
        skip(); /* only a mount can be read-only for root */
    chmod(dir, 0500);
    result r = run(&s, LONG, "ringtorch", "train", config, "-n", "2", "--run-dir", dir, NULL);
    expect_exit(&r, 2);
    expect_text(r.err, dir);
    result_release(&r);
    assert_true(all_ended(&s, LONG));
    if (mounted)
        unmount(dir);
    chmod(dir, 0700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(rank_0_is_killed),
        ROW(rank_1_is_killed),
        ROW(both_ranks_are_killed),
        ROW(mpirun_is_killed),
        ROW(the_coordinator_is_killed),
        ROW(the_launcher_is_killed),
        ROW(a_worker_is_killed_at_the_start),
        ROW(a_worker_is_killed_in_a_checkpoint),
        ROW(two_are_killed_100_ms_apart),
        ROW(a_stopped_worker_is_named),
        ROW(a_worker_that_stays_stopped_is_replaced),
        ROW(a_stall_of_a_second_is_no_reason),
        ROW(a_worker_is_told_to_leave),
        ROW(it_grows_and_shrinks),
        ROW(a_checkpoint_is_made_at_once),
        ROW(the_clock_jumps),
        ROW(shared_memory_is_full),
        ROW(a_read_only_run_directory_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
