/* Tests of fibers: the state of a computation stays with it when another one takes its turn, and the state of the thread is shared. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "tests/support/outcome.h"
#include "worker/engine/base/fiber.h"
#include "worker/engine/base/thread.h"
#include <ringtorch/autograd.h>
#include <ringtorch/ops.h>
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { FIBERS = 5, TURNS = 4, WIDTH = 6 };

typedef struct job {
    rt__fiber *f; /* NULL: runs alone, without turns */
    uint32_t slice;
    bool fails;
    int turns;
    float drawn[TURNS][WIDTH], gradient[WIDTH];
} job;

static void pause_if_any(const job *j)
{
    if (j->f)
        rt__fiber_pause(j->f);
}

/* Draws random numbers and differentiates at the end, sometimes with a scope open and recording off, while others have their turns. */
static void draw(void *arg)
{
    job *j = arg;
    rt_random_seek(3, 0, j->slice);
    rt_scope outer = rt_scope_begin();
    rt_tensor *x = rt_param(rt_ones(rt_shape(WIDTH))), *y = x;
    for (; j->turns < TURNS && !rt_failed(); j->turns++) {
        rt_scope inner = rt_scope_begin();
        bool former = rt_no_grad_begin();
        rt_tensor *r = rt_randn(rt_shape(WIDTH));
        pause_if_any(j);
        if (r)
            memcpy(j->drawn[j->turns], rt_f32(r), sizeof j->drawn[0]);
        rt_no_grad_end(former);
        r = rt_keep(r);
        rt_scope_end(inner);
        /* recorded, because recording is on here, whatever it is in other fibers */
        y = rt_mul(y, r);
        rt_free(r);
        pause_if_any(j);
        if (j->fails && j->turns == 1)
            RT_FAIL(RANGE, "job %u is at its end", j->slice);
    }
    if (!rt_failed() && rt_backward(rt_sum(y)) == RT_OK)
        memcpy(j->gradient, rt_f32(rt_grad_of(x)), sizeof j->gradient);
    rt_scope_end(outer);
    rt_free(x); /* rt_param holds it */
}

static void take_turns(job *jobs)
{
    for (int i = 0; i < FIBERS; i++)
        rt__fiber_start(jobs[i].f, draw, &jobs[i]);
    for (bool any = true; any;) {
        any = false;
        for (int i = 0; i < FIBERS; i++)
            any |= rt__fiber_resume(jobs[i].f);
    }
}

static void open_all(job *jobs)
{
    for (int i = 0; i < FIBERS; i++) {
        jobs[i] = (job){.f = rt__fiber_new(), .slice = (uint32_t)i};
        assert_non_null(jobs[i].f);
    }
}

static void close_all(job *jobs)
{
    for (int i = 0; i < FIBERS; i++)
        rt__fiber_free(jobs[i].f);
}

static void turns_change_nothing(void **state)
{
    (void)state;
    job jobs[FIBERS];
    int64_t objects = rt_live_objects(), memory = rt_mem_live();
    rt_scope s = rt_scope_begin();
    rt_random_seek(9, 9, 9);
    open_all(jobs);
    /* a fiber can run several functions, one after another */
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < FIBERS; i++)
            jobs[i].turns = 0;
        take_turns(jobs);
        must(rt_error_code());
        for (int i = 0; i < FIBERS; i++) {
            job alone = {.slice = (uint32_t)i};
            draw(&alone);
            assert_memory_equal(jobs[i].drawn, alone.drawn, sizeof alone.drawn);
            assert_memory_equal(jobs[i].gradient, alone.gradient, sizeof alone.gradient);
            assert_memory_not_equal(jobs[i].drawn, jobs[(i + 1) % FIBERS].drawn,
                                    sizeof alone.drawn);
        }
    }
    close_all(jobs);
    rt_scope_end(s);
    assert_int_equal(rt_live_objects(), objects);
    rt_memory_trim();
    assert_in_range(rt_mem_live() - memory, 0, 8); /* the thread's own scopes and streams */
}

/* The other fibers see that the thread failed, and none waits for ever. */
static void a_failure_ends_all(void **state)
{
    (void)state;
    job jobs[FIBERS];
    open_all(jobs);
    jobs[2].fails = true;
    take_turns(jobs);
    expect_error(RT_E_RANGE, "job 2 is at its end");
    for (int i = 0; i < FIBERS; i++)
        assert_in_range(jobs[i].turns, 1, TURNS - 1);
    for (int i = 0; i < FIBERS; i++)
        jobs[i] = (job){.f = jobs[i].f, .slice = jobs[i].slice};
    take_turns(jobs); /* the fibers can be used again */
    must(rt_error_code());
    close_all(jobs);
}

/* Uses as much of the stack as kernels and modules may. */
static void deep(void *arg)
{
    volatile char room[1 << 20];
    memset((char *)room, 1, sizeof room);
    *(int *)arg += room[sizeof room - 1];
}

static void a_stack_has_room(void **state)
{
    (void)state;
    int done = 0;
    rt__fiber *f = rt__fiber_new();
    assert_false(rt__fiber_resume(f)); /* no function is left to run */
    for (int i = 0; i < 3; i++) {
        rt__fiber_start(f, deep, &done);
        assert_false(rt__fiber_resume(f));
    }
    assert_int_equal(done, 3);
    rt__fiber_free(f);
    rt__fiber_free(NULL);
}

static int tear_down(void **state)
{
    (void)state;
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_change_nothing),
        cmocka_unit_test(a_failure_ends_all),
        cmocka_unit_test(a_stack_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
