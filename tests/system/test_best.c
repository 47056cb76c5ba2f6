/* The best checkpoint and early stopping: the same last step, the same best and the same weights for any number of workers,
 * whichever process dies. */
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
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/state/snapshot_list.h"
#include "records.h"
#include "row.h"
#include "tiny.h"

/* How a run ended. */
typedef struct ending {
    int64_t steps, best;
    char sha[65];
} ending;

static ending undisturbed;

/* tiny.yaml reaches its best accuracy early: patience ends it long before its 1,000 steps, and long enough after the best
 * that a process can be killed in between. `more` is one further assignment. */
static command start_run(const char *name, const char *workers, const char *more)
{
    return start(&s, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", workers, "--run-dir",
                 in_scratch(&s, "%s", name), "--set", "evaluate.every=8", "--set",
                 "checkpoint.best=accuracy", "--set", "run.patience=40", "--set", "run.steps=1000",
                 "--set", "checkpoint.keep=1", "--set", more, NULL);
}

static ending end_of(command c, const char *name)
{
    ending e;
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    expect_text(r.out, "has not improved since step");
    result_release(&r);
    const char *dir = in_scratch(&s, "%s", name);
    e.steps = summary_int(dir, "steps");
    e.best = summary_int(dir, "best_step");
    summary_text(dir, "weights_sha256", e.sha, sizeof e.sha);
    return e;
}

static void expect_same(command c, const char *name)
{
    ending e = end_of(c, name);
    assert_int_equal(e.steps, undisturbed.steps);
    assert_int_equal(e.best, undisturbed.best);
    assert_string_equal(e.sha, undisturbed.sha);
}

static int set_up(void **state)
{
    tiny_begin(state);
    undisturbed = end_of(start_run("one", "1", "run.report_every=1"), "one");
    return 0;
}

static void ends_when_patience_runs_out(void **state)
{
    (void)state;
    assert_true(undisturbed.best > 0 && undisturbed.best % 8 == 0);
    assert_int_equal(undisturbed.steps, undisturbed.best + 40 * 8);
    assert_true(undisturbed.steps < 1000);
    char status[16];
    summary_text(in_scratch(&s, "one"), "status", status, sizeof status);
    assert_string_equal(status, "done");
}

/* Two checkpoints remain: the last one, and the best, to which the link points. */
static void the_best_is_kept_and_found(void **state)
{
    (void)state;
    char expected[64], to[64] = "";
    rt_names names;
    snprintf(expected, sizeof expected, "step-%08lld", (long long)undisturbed.best);
    assert_true(readlink(in_scratch(&s, "one/checkpoints/best"), to, sizeof to - 1) > 0);
    assert_string_equal(to, expected);
    assert_int_equal(rt_dir_list(in_scratch(&s, "one/checkpoints"), &names), RT_OK);
    assert_int_equal(names.count, 3);
    rt_names_release(&names);

    char line[160];
    result r = run(&s, LONG, "ringtorch", "checkpoint", "ls", in_scratch(&s, "one"), NULL);
    expect_exit(&r, 0);
    snprintf(line, sizeof line, "%s  step %lld  1 piece  sound  best\n", expected,
             (long long)undisturbed.best);
    expect_text(r.out, line);
    snprintf(line, sizeof line, "step %lld  1 piece  sound\n", (long long)undisturbed.steps);
    expect_text(r.out, line);
    result_release(&r);

    r = run(&s, LONG, "ringtorch", "eval", in_scratch(&s, "one"), "--best", "--json", NULL);
    expect_exit(&r, 0);
    snprintf(line, sizeof line, "\"step\":%lld,", (long long)undisturbed.best);
    expect_text(r.out, line);
    result_release(&r);
}

static void same_for_any_number_of_workers(void **state)
{
    (void)state;
    expect_same(start_run("two", "2", "run.report_every=10"), "two");
    expect_same(start_run("three", "3", "run.report_every=10"), "three");
}

/* Kills processes at evaluations and between them. `more` decides from which state the run resumes. */
static void kill_worker_at(const char *name, int64_t step, const char *more)
{
    command c = start_run(name, "2", more);
    await_step(in_scratch(&s, "%s", name), step, LONG);
    signal_worker(&s, 1, SIGKILL);
    expect_same(c, name);
    expect_restarts(in_scratch(&s, "%s", name), 1);
}

static void same_after_the_loss_of_a_worker(void **state)
{
    (void)state;
    kill_worker_at("kill-memory", undisturbed.best, "run.report_every=1");
    kill_worker_at("kill-later", undisturbed.best + 8, "run.report_every=1");
    kill_worker_at("kill-disk", undisturbed.best + 8, "snapshot.every=0");
}

static bool kill_it(const process *p, void *killed)
{
    *(int *)killed += kill(p->pid, SIGKILL) == 0;
    return false;
}

static void same_after_the_death_of_the_coordinator(void **state)
{
    (void)state;
    command c = start_run("coordinator", "2", "run.report_every=1");
    await_step(in_scratch(&s, "coordinator"), undisturbed.best + 8, LONG);
    int killed = 0;
    each_process(&s, "ringtorch-coordinator", kill_it, &killed);
    assert_int_equal(killed, 1);
    expect_same(c, "coordinator");
}

static bool stop_it(const process *p, void *stopped)
{
    *(int *)stopped += kill(p->pid, SIGSTOP) == 0;
    return false;
}

/* The newest step that a snapshot of the run in shared memory holds. */
static int64_t step_in_memory(void)
{
    rt_snapshot_list l;
    int64_t newest = -1;
    assert_int_equal(rt_snapshot_list_read("/dev/shm", NULL, &l), RT_OK);
    for (int64_t i = 0; i < l.count; i++) {
        const rt_snapshot *found = l.item[i].snapshot;
        int slot = found ? rt_snapshot_newest(found) : -1;
        if (slot >= 0 && found->slot[slot].step > newest)
            newest = found->slot[slot].step;
    }
    rt_snapshot_list_release(&l);
    return newest;
}

/* The coordinator is stopped while the workers find the best and continue; then everything is killed. What the coordinator
 * could not record is in shared memory. */
static void same_when_all_die_together(void **state)
{
    (void)state;
    command c = start_run("together", "2", "run.report_every=1");
    await_step(in_scratch(&s, "together"), undisturbed.best > 16 ? undisturbed.best - 16 : 1, LONG);
    int stopped = 0, killed = 0;
    each_process(&s, "ringtorch-coordinator", stop_it, &stopped);
    assert_int_equal(stopped, 1);
    double end = rt_clock() + LONG;
    while (step_in_memory() < undisturbed.best + 16 && rt_clock() < end)
        rt_clock_sleep(0.005);
    kill(c.pid, SIGKILL);
    each_process(&s, "ringtorch-coordinator", kill_it, &killed);
    each_process(&s, "ringtorch-worker", kill_it, &killed);
    result r = finish(c, LONG);
    assert_int_equal(r.exit_code, 128 + SIGKILL);
    result_release(&r);
    expect_same(start(&s, "ringtorch", "train", in_scratch(&s, "together/config.yaml"), "--run-dir",
                      in_scratch(&s, "together"), "--resume", "auto", NULL),
                "together");
}

/* Nothing is left to do unless patience is raised. */
static void resuming_needs_more_patience(void **state)
{
    (void)state;
    static const char *const sets[] = {"run.patience=40", "run.steps=2000", "run.patience=1000"};
    for (int i = 0; i < 3; i++) {
        result r =
            run(&s, LONG, "ringtorch", "train", in_scratch(&s, "two/config.yaml"), "--run-dir",
                in_scratch(&s, "two"), "--resume", "auto", "--set", sets[i], NULL);
        expect_exit(&r, 0);
        if (i < 2) { /* said before anything is started */
            assert_int_equal(strncmp(r.out, "nothing left to do: ", 20), 0);
            expect_text(r.out, "to train on, raise run.patience or turn it off: ");
            expect_text(r.out, " --resume auto --set run.patience=0\n");
        }
        result_release(&r);
        assert_int_equal(summary_int(in_scratch(&s, "two"), "steps"),
                         i == 2 ? 1000 : undisturbed.steps);
    }
}

static void needs_evaluations(void **state)
{
    (void)state;
    static const char *const keys[] = {"checkpoint.best=loss", "run.patience=3"};
    for (int i = 0; i < 2; i++) {
        result r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "--run-dir",
                       in_scratch(&s, "none"), "--set", keys[i], NULL);
        expect_exit(&r, 2);
        expect_text(r.err,
                    i ? "run.patience needs evaluations" : "checkpoint.best needs evaluations");
        result_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(ends_when_patience_runs_out),
        ROW(the_best_is_kept_and_found),
        ROW(same_for_any_number_of_workers),
        ROW(same_after_the_loss_of_a_worker),
        ROW(same_after_the_death_of_the_coordinator),
        ROW(same_when_all_die_together),
        ROW(resuming_needs_more_patience),
        ROW(needs_evaluations),
    };
    return cmocka_run_group_tests(tests, set_up, tiny_end);
}
