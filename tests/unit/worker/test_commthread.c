/* The communication thread: it runs jobs, returns their errors, and an abort ends its waits. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "worker/commthread.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static atomic_int no_abort;

static rt_status take(void *arg, rt_comm **out)
{
    *out = arg;
    return RT_OK;
}

static rt_status refuse(void *arg, rt_comm **out)
{
    (void)arg;
    (void)out;
    return RT_FAIL(NET, "mpi: no ports left");
}

static rt_status note_thread(rt_comm *c, void *arg)
{
    (void)c;
    *(pthread_t *)arg = pthread_self();
    return RT_OK;
}

static rt_status fail_job(rt_comm *c, void *arg)
{
    (void)arg;
    return RT_FAIL(NET, "rank %d: cable pulled", rt_comm_rank(c));
}

static rt__commthread *start(rt_comm *end, const atomic_int *abort, int expected_world)
{
    int rank, world;
    rt__commthread *t;
    assert_int_equal(rt__commthread_start(take, end, abort, &t), RT_OK);
    assert_int_equal(rt__commthread_ready(t, &rank, &world), RT_OK);
    assert_int_equal(world, expected_world);
    return t;
}

static void jobs_run_on_one_other_thread(void **state)
{
    (void)state;
    rt_comm *end;
    pthread_t first, second;
    assert_int_equal(rt_comm_loopback(1, &end), RT_OK);
    rt__commthread *t = start(end, &no_abort, 1);
    assert_int_equal(rt__commthread_run(t, note_thread, &first), RT_OK);
    assert_int_equal(rt__commthread_run(t, note_thread, &second), RT_OK);
    assert_true(pthread_equal(first, second));
    assert_false(pthread_equal(first, pthread_self()));
    rt__commthread_end(t);
}

static void an_error_comes_back_once_with_its_text(void **state)
{
    (void)state;
    rt_comm *end;
    pthread_t thread;
    assert_int_equal(rt_comm_loopback(1, &end), RT_OK);
    rt__commthread *t = start(end, &no_abort, 1);
    rt__commthread_post(t, fail_job, NULL);
    assert_int_equal(rt__commthread_wait(t), RT_E_NET);
    assert_string_equal(rt_error(), "rank 0: cable pulled");
    rt_error_clear();
    assert_int_equal(rt__commthread_run(t, note_thread, &thread), RT_OK);
    assert_false(rt_failed());
    rt__commthread_end(t);
}

static void ready_reports_a_failed_open(void **state)
{
    (void)state;
    int rank, world;
    rt__commthread *t;
    assert_int_equal(rt__commthread_start(refuse, NULL, &no_abort, &t), RT_OK);
    assert_int_equal(rt__commthread_ready(t, &rank, &world), RT_E_NET);
    assert_string_equal(rt_error(), "mpi: no ports left");
    rt_error_clear();
    rt__commthread_end(t);
}

static rt_status meet(rt_comm *c, void *arg)
{
    (void)arg;
    return rt_comm_barrier(c);
}

/* Rank 1 never arrives at the barrier. */
static void the_abort_flag_ends_a_wait_for_a_rank_that_never_comes(void **state)
{
    (void)state;
    rt_comm *ends[2];
    static atomic_int abort;
    assert_int_equal(rt_comm_loopback(2, ends), RT_OK);
    rt__commthread *t = start(ends[0], &abort, 2);
    rt__commthread_post(t, meet, NULL);
    rt_clock_sleep(0.02);
    atomic_store(&abort, 1);
    assert_int_equal(rt__commthread_wait(t), RT_E_ABORTED);
    rt_error_clear();
    rt__commthread_end(t);
    rt_comm_free(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_on_one_other_thread),
        cmocka_unit_test(an_error_comes_back_once_with_its_text),
        cmocka_unit_test(ready_reports_a_failed_open),
        cmocka_unit_test(the_abort_flag_ends_a_wait_for_a_rank_that_never_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
