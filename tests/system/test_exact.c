/* The promise of the project: the same weights, bit for bit, however many workers compute them. */
#include <ringtorch/ringtorch.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "row.h"
#include "tiny.h"

/* All tests here share one scratch folder. The run of one worker gives the hash that all others must give. */
static char expected[65];

#define MORE(...) ((const char *const[]){__VA_ARGS__, NULL})

static int set_up(void **state)
{
    tiny_begin(state);
    train_tiny(&s, in_scratch(&s, "w1"), 1, NULL, expected);
    return 0;
}

static void expect_same(const char *name, int workers, const char *const *more)
{
    char sha[65];
    train_tiny(&s, in_scratch(&s, "%s", name), workers, more, sha);
    assert_string_equal(sha, expected);
}

static void same_for_2_workers(void **state)
{
    (void)state;
    expect_same("w2", 2, NULL);
}

static void same_for_3_workers(void **state)
{
    (void)state;
    expect_same("w3", 3, NULL);
}

static void same_for_4_workers(void **state)
{
    (void)state;
    expect_same("w4", 4, NULL);
}

static void same_for_2_threads(void **state)
{
    (void)state;
    expect_same("threads", 1, MORE("--set", "parallel.threads=2"));
}

static void same_with_direct_exchange(void **state)
{
    (void)state;
    expect_same("direct", 2, MORE("--set", "parallel.algorithm=direct"));
}

static void same_without_sharding(void **state)
{
    (void)state;
    expect_same("whole", 2, MORE("--set", "parallel.sharding=none"));
}

/* A stub that always gives one hash would pass the tests above. */
static void another_seed_gives_other_weights(void **state)
{
    (void)state;
    char sha[65];
    train_tiny(&s, in_scratch(&s, "seed"), 2, MORE("--set", "run.seed=8"), sha);
    assert_string_not_equal(sha, expected);
}

static void same_with_the_library_in_one_process(void **state)
{
    (void)state;
    rt_trainer *t = rt_trainer_open(in_scratch(&s, "tiny.yaml"));
    if (!t)
        fail_msg("%s", rt_error());
    while (rt_trainer_at(t) < rt_trainer_steps(t))
        if (rt_trainer_step(t) != RT_OK)
            fail_msg("%s", rt_error());
    char sha[65];
    assert_int_equal(rt_trainer_weights_sha256(t, sha), RT_OK);
    assert_string_equal(sha, expected);
    rt_free(t);
}

/* Ends a run of `before` workers by Ctrl-C half way and resumes it with `after` workers. */
static void interrupt_and_resume(const char *name, const char *before, const char *after)
{
    char dir[128], sha[65];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "%s", name));
    command c = start(&s, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", before,
                      "--run-dir", dir, NULL);
    await_step(dir, 60, LONG);
    kill(-c.pid, SIGINT);
    result r = finish(c, LONG);
    expect_exit(&r, 130);
    expect_text(r.out, "--resume auto");
    result_release(&r);

    r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", after, "--run-dir",
            dir, "--resume", "auto", NULL);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(dir, "weights_sha256", sha, sizeof sha);
    assert_string_equal(sha, expected);
}

static void same_after_resuming_with_more_workers(void **state)
{
    (void)state;
    interrupt_and_resume("grow", "1", "3");
}

static void same_after_resuming_with_fewer_workers(void **state)
{
    (void)state;
    interrupt_and_resume("shrink", "4", "2");
}

static void same_after_a_worker_was_killed(void **state)
{
    (void)state;
    char dir[128], sha[65];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "killed"));
    command c = start(&s, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", "2", "--run-dir",
                      dir, NULL);
    await_step(dir, 70, LONG);
    pid_t worker = find_worker(&s, 1, LONG);
    assert_true(worker > 0);
    kill(worker, SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(dir, "weights_sha256", sha, sizeof sha);
    assert_string_equal(sha, expected);
    expect_restarts(dir, 1);
    assert_int_equal(summary_int(dir, "steps"), 200);
    assert_in_range(summary_int(dir, "lost_steps"), 0, 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(same_for_2_workers),
        ROW(same_for_3_workers),
        ROW(same_for_4_workers),
        ROW(same_for_2_threads),
        ROW(same_with_direct_exchange),
        ROW(same_without_sharding),
        ROW(another_seed_gives_other_weights),
        ROW(same_with_the_library_in_one_process),
        ROW(same_after_resuming_with_more_workers),
        ROW(same_after_resuming_with_fewer_workers),
        ROW(same_after_a_worker_was_killed),
    };
    return cmocka_run_group_tests(tests, set_up, tiny_end);
}
