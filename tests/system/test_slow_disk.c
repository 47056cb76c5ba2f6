/* Checkpoints that take long to read: the coordinator keeps answering while it verifies them, neither it nor the workers
 * count as dead, the user sees how far it is, and Ctrl-C need not wait for the end. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "records.h"
#include "row.h"
#include "runs.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static scratch s;
static char dir[128];

/* From now on, commands read checkpoints at so many bytes a second; NULL: as fast as they can. */
static void set_disk(const char *bytes_per_second)
{
    if (bytes_per_second) {
        setenv("RINGTORCH_TEST_DISK", bytes_per_second, 1);
        preload("slow_disk");
    } else {
        unsetenv("RINGTORCH_TEST_DISK");
        preload(NULL);
    }
}

static command resume(const char *steps)
{
    return start(&s, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "--run-dir", dir,
                 "--resume", "auto", "--set", "schedule.name=constant", "--set", steps, NULL);
}

/* Waits for the event that verifying takes long. */
static void await_verifying(records *r, size_t from)
{
    json_t *e = await_event(r, from, "verifying", LONG);
    if (!e)
        fail_msg("no event says that a checkpoint is being verified");
    assert_true(event_int(e, "bytes", -1) > 0);
    assert_non_null(strstr(json_string_value(json_object_get(e, "checkpoint")), "step-"));
}

/* If the coordinator read the checkpoint in its loop, the launcher would kill it repeatedly because it is silent; the same
 * holds for workers whose heartbeats waited for the disk. About 1 MB is read at 100 KB a second: 10 s, twice as long as the
 * launcher waits for an answer, and longer than the coordinator waits for a worker's. */
static void a_slow_disk_does_not_look_like_death(void **state)
{
    (void)state;
    records r;
    records_open(&r, dir);
    records_read(&r);
    size_t before = records_events(&r);
    set_disk("100000");
    command c = resume("run.steps=60");
    set_disk(NULL);
    await_verifying(&r, before);
    result status = run(&s, LONG, "ringtorch", "status", dir, "--json", NULL);
    expect_exit(&status, 0);
    expect_text(status.out, "\"verifying\":{\"checkpoint\":\"step-");
    result_release(&status);
    status = run(&s, LONG, "ringtorch", "status", dir, NULL);
    expect_text(status.out, "verifying  step-");
    result_release(&status);
    result done = finish(c, LONG);
    expect_exit(&done, 0);
    expect_text(done.out, "verifying checkpoint step-");
    assert_null(strstr(done.out, "did not answer"));
    result_release(&done);
    records_read(&r);
    assert_null(find_event(&r, before, "coordinator_restarted", NULL));
    assert_null(find_event(&r, before, "worker_lost", NULL));
    size_t running = 0,
           stalled = SIZE_MAX; /* later a machine under load may have stalls of its own */
    assert_non_null(find_event(&r, before, "running", &running));
    find_event(&r, before, "stall", &stalled);
    assert_true(stalled > running);
    records_close(&r);
}

/* At 1,000 bytes a second the checkpoint takes a quarter of an hour: the test would kill a command that waited for its end.
 * The run directory is unchanged afterwards, and the signal of this launch does not stop the next one. */
static void ctrl_c_does_not_wait_for_the_disk(void **state)
{
    (void)state;
    records r;
    char before_sha[65], after_sha[65];
    summary_text(dir, "weights_sha256", before_sha, sizeof before_sha);
    records_open(&r, dir);
    records_read(&r);
    set_disk("1000");
    command c = resume("run.steps=70");
    set_disk(NULL);
    await_verifying(&r, records_events(&r));
    kill(-c.pid, SIGINT);
    result stopped = finish(c, LONG);
    expect_exit(&stopped, 130);
    result_release(&stopped);
    summary_text(dir, "weights_sha256", after_sha, sizeof after_sha);
    assert_string_equal(before_sha, after_sha);
    result again = finish(resume("run.steps=70"), LONG);
    expect_exit(&again, 0);
    result_release(&again);
    assert_int_equal(summary_int(dir, "steps"), 70);
    records_close(&r);
}

static int set_up(void **state)
{
    (void)state;
    char sha[65];
    const char *more[] = {"--set", "run.steps=40", "--set", "schedule.name=constant", NULL};
    tiny_setup(&s);
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "run"));
    train_tiny(&s, dir, 2, more, sha);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    set_disk(NULL);
    scratch_remove(&s);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_slow_disk_does_not_look_like_death),
        ROW(ctrl_c_does_not_wait_for_the_disk),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
