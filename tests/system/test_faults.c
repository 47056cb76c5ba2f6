/* Failures during a run, and that they lose nothing. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "runs.h"
#include "small_disk.h"

static int set_up(void **state)
{
    static scratch s;
    tiny_setup(&s);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    return 0;
}

/* Takes long enough for a test to interfere in the middle. */
#define ENDLESS "--set", "run.steps=4000", "--set", "schedule.name=constant"

static bool event_is_written(const char *run_dir, const char *fragment)
{
    char path[600];
    snprintf(path, sizeof path, "%s/events.jsonl", run_dir);
    rt_bytes text = {0};
    if (rt_file_read(path, 1 << 20, &text) != RT_OK) {
        rt_error_clear();
        return false;
    }
    bool found = strstr((char *)text.data, fragment) != NULL;
    rt_bytes_release(&text);
    return found;
}

/* Three kills, one of each rank and one of both, cost three generations and nothing else. */
static void recovers_from_several_kills(void **state)
{
    const scratch *s = *state;
    char dir[128], killed[65], quiet[65];
    snprintf(dir, sizeof dir, "%s", in_scratch(s, "run"));
    const char *more[] = {"--set", "run.steps=400", NULL};
    command c = start(s, "ringtorch", "train", in_scratch(s, "tiny.yaml"), "-n", "2", "--run-dir",
                      dir, "--set", "run.steps=400", NULL);
    for (int round = 0; round < 3; round++) {
        await_step(dir, 60 + 100 * round, LONG);
        pid_t pid[2] = {find_worker(s, 0, LONG), find_worker(s, 1, LONG)}; /* of one generation */
        if (round != 1)
            kill(pid[0], SIGKILL);
        if (round != 0)
            kill(pid[1], SIGKILL);
        await_step(dir, 60 + 100 * round + 10, LONG);
    }
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    result_release(&r);
    expect_restarts(dir, 3);
    summary_text(dir, "weights_sha256", killed, sizeof killed);
    train_tiny(s, in_scratch(s, "quiet"), 2, more, quiet);
    assert_string_equal(killed, quiet);
}

static void gives_up_after_max_restarts(void **state)
{
    const scratch *s = *state;
    char dir[128];
    snprintf(dir, sizeof dir, "%s", in_scratch(s, "run"));
    command c = start(s, "ringtorch", "train", in_scratch(s, "tiny.yaml"), "-n", "2", "--run-dir",
                      dir, ENDLESS, "--set", "run.max_restarts=0", NULL);
    await_step(dir, 60, LONG);
    signal_worker(s, 1, SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 1);
    expect_text(r.err, "--resume");
    result_release(&r);
}

/* A killed process cannot end its children, so they must end by themselves. */
static void no_process_outlives_a_killed_launcher(void **state)
{
    const scratch *s = *state;
    char dir[128];
    snprintf(dir, sizeof dir, "%s", in_scratch(s, "run"));
    command c = start(s, "ringtorch", "train", in_scratch(s, "tiny.yaml"), "-n", "2", "--run-dir",
                      dir, ENDLESS, NULL);
    await_step(dir, 60, LONG);
    assert_true(count_processes(s, "ringtorch-worker") >= 2);
    assert_int_equal(count_processes(s, "ringtorch-coordinator"), 1);
    kill(c.pid, SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 128 + SIGKILL);
    result_release(&r);
    assert_true(all_ended(s, LONG));
    char steps[64];
    snprintf(steps, sizeof steps, "run.steps=%lld", (long long)last_step(dir) + 50);
    r = run(s, LONG, "ringtorch", "train", in_scratch(s, "tiny.yaml"), "-n", "2", "--run-dir", dir,
            "--resume", "auto", ENDLESS, "--set", steps, NULL);
    expect_exit(&r, 0);
    result_release(&r);
}

static void second_interrupt_stops_at_once(void **state)
{
    const scratch *s = *state;
    char dir[128];
    snprintf(dir, sizeof dir, "%s", in_scratch(s, "run"));
    command c = start(s, "ringtorch", "train", in_scratch(s, "tiny.yaml"), "-n", "2", "--run-dir",
                      dir, ENDLESS, NULL);
    await_step(dir, 20, LONG);
    kill(-c.pid, SIGINT);
    usleep(300000); /* any sooner, it would count as an echo of the first */
    kill(-c.pid, SIGINT);
    result r = finish(c, LONG);
    assert_true(r.exit_code == 130 || r.exit_code == 128 + SIGINT);
    result_release(&r);
}

static bool signal_process(const process *p, void *context)
{
    kill(p->pid, *(const int *)context);
    return true;
}

/* The signal goes to the launcher, the coordinator, mpirun and the workers, as systemd and Slurm send it. */
static void a_signal_to_every_process_leaves_a_checkpoint(void **state)
{
    const scratch *s = *state;
    static const int signals[] = {SIGTERM, SIGUSR1, SIGHUP};
    for (int i = 0; i < 3; i++) {
        int signal = signals[i];
        char dir[128];
        snprintf(dir, sizeof dir, "%s", in_scratch(s, "run%d", i));
        command c = start(s, "ringtorch", "train", in_scratch(s, "tiny.yaml"), "-n", "2",
                          "--run-dir", dir, ENDLESS, "--set", "checkpoint.every=0", NULL);
        await_step(dir, 20, LONG);
        kill(c.pid, signal); /* the launcher first: the death of any other would make it act */
        each_process(s, NULL, signal_process, &signal);
        result r = finish(c, LONG);
        expect_exit(&r, 128 + signal);
        expect_text(r.out, "resume from step ");
        result_release(&r);
        assert_int_equal(summary_int(dir, "checkpoint_step"), summary_int(dir, "steps"));
    }
}

static void copy_file(const char *from, const char *to)
{
    rt_bytes b;
    assert_int_equal(rt_file_read(from, 1 << 26, &b), RT_OK);
    assert_int_equal(rt_file_replace(to, b.data, b.len), RT_OK);
    rt_bytes_release(&b);
}

/* A coordinator that read it would take the workers that are alive for another run's, and answer none of them. */
static void the_journal_of_another_run_is_refused(void **state)
{
    const scratch *s = *state;
    char dir[128], other[128], sha[65];
    const char *refusal = "/run/journal: is the journal of run ",
               *way_out = "--run-dir NEW --resume ";
    snprintf(dir, sizeof dir, "%s", in_scratch(s, "run"));
    train_tiny(s, in_scratch(s, "other"), 1, NULL, sha);
    snprintf(other, sizeof other, "%s", in_scratch(s, "other/journal"));
    command c = start(s, "ringtorch", "train", in_scratch(s, "tiny.yaml"), "-n", "2", "--run-dir",
                      dir, ENDLESS, NULL);
    await_step(dir, 20, LONG);
    copy_file(other, in_scratch(s, "run/journal"));
    each_process(s, "ringtorch-coordinator", signal_process, &(int){SIGKILL});
    result r = finish(c, LONG);
    expect_exit(&r, 1);
    expect_text(r.err, refusal);
    assert_null(strstr(strstr(r.err, refusal) + 1, refusal)); /* it is said once */
    expect_text(r.err, way_out);
    assert_null(strstr(r.err, "--resume auto"));
    result_release(&r);
    r = run(s, LONG, "ringtorch", "train", in_scratch(s, "tiny.yaml"), "-n", "2", "--run-dir", dir,
            "--resume", "auto", NULL);
    expect_exit(&r, 2);
    expect_text(r.err, refusal);
    result_release(&r);
}

/* A file system with little room, for the checkpoints of the run in "run". */
static const char *small_folder(const scratch *s, const char *size)
{
    const char *folder = in_scratch(s, "run/checkpoints");
    assert_int_equal(rt_dir_make(folder, 0700), RT_OK);
    if (!own_mounts() || !mount_small(folder, size))
        skip();
    return folder;
}

/* Training continues although no checkpoint can be written. Then the last state is only in memory: the run does not claim
 * success, and --resume auto writes the checkpoint once there is room. */
static void trains_on_when_the_disk_is_full(void **state)
{
    const scratch *s = *state;
    char dir[128], full[65], saved[65], roomy[65];
    snprintf(dir, sizeof dir, "%s", in_scratch(s, "run"));
    const char *folder = small_folder(s, "1536k");
    result r = run(s, LONG, "ringtorch", "train", in_scratch(s, "tiny.yaml"), "-n", "2",
                   "--run-dir", dir, NULL);
    expect_exit(&r, 1);
    expect_text(r.err, "kept in shared memory: make room");
    result_release(&r);
    summary_text(dir, "weights_sha256", full, sizeof full);
    assert_true(event_is_written(dir, "checkpoint_failed"));
    assert_string_equal(strstr(newest_checkpoint(s, dir), "step-"), "step-00000050");
    unmount(folder);

    const char *again[] = {"--resume", "auto", NULL};
    train_tiny(s, dir, 3, again, saved);
    assert_string_equal(saved, full);
    assert_string_equal(strstr(newest_checkpoint(s, dir), "step-"), "step-00000200");
    assert_int_equal(summary_int(dir, "lost_steps"), 0);
    train_tiny(s, in_scratch(s, "roomy"), 2, NULL, roomy);
    assert_string_equal(full, roomy);
}

/* There is no snapshot either: the run reports that its weights are lost. */
static void says_that_the_weights_are_lost(void **state)
{
    const scratch *s = *state;
    char dir[128];
    snprintf(dir, sizeof dir, "%s", in_scratch(s, "run"));
    const char *folder = small_folder(s, "64k");
    result r = run(s, LONG, "ringtorch", "train", in_scratch(s, "tiny.yaml"), "-n", "2",
                   "--run-dir", dir, "--set", "snapshot.every=0", NULL);
    expect_exit(&r, 1);
    expect_text(r.err, "step 200 could not be written to disk");
    expect_text(r.err, "is lost");
    result_release(&r);
    unmount(folder);
}

/* The newest checkpoint is damaged: `--resume auto` takes the one before it and ends with the same weights. */
static void resume_falls_back_to_the_newest_sound_checkpoint(void **state)
{
    const scratch *s = *state;
    char dir[128], whole[65], resumed[65];
    snprintf(dir, sizeof dir, "%s", in_scratch(s, "run"));
    const char *more[] = {"--set", "checkpoint.final=false", NULL};
    train_tiny(s, dir, 2, more, whole);
    char piece[700];
    snprintf(piece, sizeof piece, "%s/piece-00000.safetensors", newest_checkpoint(s, dir));
    alter_byte(piece, -100);
    const char *again[] = {"--resume", "auto", NULL};
    train_tiny(s, dir, 3, again, resumed);
    assert_string_equal(resumed, whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(recovers_from_several_kills, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_up_after_max_restarts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_process_outlives_a_killed_launcher, set_up, tear_down),
        cmocka_unit_test_setup_teardown(second_interrupt_stops_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signal_to_every_process_leaves_a_checkpoint, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_journal_of_another_run_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trains_on_when_the_disk_is_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_that_the_weights_are_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(resume_falls_back_to_the_newest_sound_checkpoint, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
