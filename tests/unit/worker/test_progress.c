/* The progress record: readers never see a partial update, and times add up. */
#include "common/base/clock.h"
#include "worker/progress.h"
#include <pthread.h>
#include <ringtorch/ringtorch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { UPDATES = 200000 };

static rt__progress record;
static atomic_bool done;

/* Writes phases and slices that belong together: slice = 10 * phase. */
static void *write_updates(void *arg)
{
    (void)arg;
    for (int i = 0; i < UPDATES; i++) {
        rt_phase phase = (rt_phase)(i % RT_PHASES);
        rt__progress_enter_phase(&record, phase, 10 * (int64_t)phase);
    }
    atomic_store(&done, true);
    return NULL;
}

static void a_reader_never_sees_half_an_update(void **state)
{
    (void)state;
    pthread_t writer;
    int64_t reads = 0, wrong = 0;
    rt__progress_init(&record);
    rt__progress_enter_phase(&record, RT_PHASE_START, 0);
    assert_int_equal(pthread_create(&writer, NULL, write_updates, NULL), 0);
    while (!atomic_load(&done) || reads == 0) {
        rt__progress_view v = rt__progress_read(&record);
        wrong += v.slice != 10 * v.phase;
        reads++;
    }
    pthread_join(writer, NULL);
    assert_int_equal(wrong, 0);
    assert_int_equal(rt__progress_read(&record).phase, (UPDATES - 1) % RT_PHASES);
}

static void seconds_of_phases_add_up_to_the_time_spent(void **state)
{
    (void)state;
    _Alignas(64) rt__progress p;
    rt__progress_init(&p);
    double began = rt__progress_read(&p).since, sum = 0;
    rt__progress_enter_phase(&p, RT_PHASE_FORWARD, 3);
    rt_clock_sleep(0.02);
    rt__progress_enter_phase(&p, RT_PHASE_BACKWARD, 3);
    rt__progress_enter_phase(&p, RT_PHASE_FORWARD, 4);
    rt_clock_sleep(0.01);
    rt__progress_enter_phase(&p, RT_PHASE_FINISH, -1);
    for (int i = 0; i < RT_PHASES; i++)
        sum += p.seconds[i];
    double spent = rt__progress_read(&p).since - began;
    assert_true(sum > spent - 1e-9 && sum < spent + 1e-9);
    assert_true(p.seconds[RT_PHASE_FORWARD] >= 0.03);
    assert_true(p.seconds[RT_PHASE_FORWARD] > p.seconds[RT_PHASE_BACKWARD]);
}

static void reads_return_what_was_written(void **state)
{
    (void)state;
    _Alignas(64) rt__progress p;
    rt__progress_init(&p);
    rt__progress_step(&p, 41);
    rt__progress_enter_phase(&p, RT_PHASE_REDUCE, -1);
    rt__progress_view v = rt__progress_read(&p);
    assert_int_equal(v.step, 41);
    assert_int_equal(v.slice, -1);
    assert_int_equal(v.phase, RT_PHASE_REDUCE);
    assert_true(rt_clock() >= v.since);
}

static void a_message_says_what_is_running(void **state)
{
    (void)state;
    _Alignas(64) rt__progress p;
    rt__progress_watch w = {0};
    rt_msg_progress m;
    rt__progress_init(&p);
    rt__progress_attach(&p);
    rt_scope scope = rt_scope_begin();
    rt_tensor *x = rt_param(rt_ones(rt_shape(2, 2)));
    rt__progress_enter_phase(&p, RT_PHASE_FORWARD, 3);
    rt__progress_message(&p, &w, NULL, rt_clock(), &m);
    assert_string_equal(m.what, "forward"); /* no operation has begun in it */
    rt_tensor *y = rt_sum(rt_exp(x));
    rt__progress_message(&p, &w, NULL, rt_clock(), &m);
    assert_string_equal(m.what, "sum");
    rt__progress_enter_phase(&p, RT_PHASE_BACKWARD, 3);
    rt_backward(y);
    assert_false(rt_failed());
    rt__progress_message(&p, &w, NULL, rt_clock(), &m);
    assert_string_not_equal(m.what, "sum");
    assert_string_not_equal(m.what, "backward");
    assert_int_equal(m.phase, RT_PHASE_BACKWARD);
    assert_int_equal(m.slice, 3);
    rt__progress_enter_phase(&p, RT_PHASE_UPDATE, -1);
    rt__progress_message(&p, &w, NULL, rt_clock(), &m);
    assert_string_equal(m.what, "update"); /* not what ran before it */
    assert_int_equal(m.peer, -1);
    assert_int_equal(m.snapshot_step, -1);
    assert_true(m.rss_bytes > 0);

    rt_comm_wait wait = {.op = "reduce_scatter", .peer = 1};
    atomic_store(&p.snapshot_step, 41);
    rt__progress_message(&p, &w, &wait, rt_clock(), &m);
    assert_string_equal(m.what, "reduce_scatter from rank 1");
    assert_int_equal(m.peer, 1);
    assert_int_equal(m.snapshot_step, 41);

    rt__progress_detach(&p);
    int64_t seen = atomic_load(&p.trace.count);
    rt_exp(x);
    assert_int_equal(atomic_load(&p.trace.count), seen);
    rt_scope_end(scope);
    rt_free(x);
}

/* A long phase of many operations moves; one that hangs in an operation does not. */
static void operations_are_moves(void **state)
{
    (void)state;
    _Alignas(64) rt__progress p;
    rt__progress_watch w = {0};
    rt_msg_progress m;
    rt__progress_init(&p);
    rt__progress_attach(&p);
    rt_scope scope = rt_scope_begin();
    rt_tensor *x = rt_ones(rt_shape(2));
    rt__progress_enter_phase(&p, RT_PHASE_EVALUATE, -1);
    double began = rt__progress_read(&p).since;
    rt__progress_message(&p, &w, NULL, began + 1, &m); /* records the operations so far */
    rt__progress_message(&p, &w, NULL, began + 10, &m);
    assert_true(m.since > 8.9 && m.since <= 10);
    rt_exp(x);
    rt__progress_message(&p, &w, NULL, began + 11, &m);
    assert_true(m.since == 0);
    rt__progress_message(&p, &w, NULL, began + 14, &m);
    assert_true(m.since == 3);
    rt__progress_detach(&p);
    rt_scope_end(scope);
}

static void the_usual_time_of_a_phase_is_its_mean(void **state)
{
    (void)state;
    _Alignas(64) rt__progress p;
    rt__progress_watch w = {0};
    rt_msg_progress m;
    rt__progress_init(&p);
    rt__progress_enter_phase(&p, RT_PHASE_FORWARD, 0);
    rt__progress_message(&p, &w, NULL, rt_clock(), &m);
    assert_true(m.usual == 0); /* never ended yet */
    rt_clock_sleep(0.03);
    rt__progress_enter_phase(&p, RT_PHASE_FORWARD, 1);
    rt_clock_sleep(0.01);
    rt__progress_enter_phase(&p, RT_PHASE_BACKWARD, 1);
    rt__progress_enter_phase(&p, RT_PHASE_FORWARD, 2);
    rt__progress_message(&p, &w, NULL, rt_clock(), &m);
    assert_true(m.usual == p.seconds[RT_PHASE_FORWARD] / 2);
    assert_true(m.usual >= 0.02);
}

static _Atomic bool enough;

/* Burns processor time in the name of a record. */
static void *compute(void *arg)
{
    rt__progress_attach(arg);
    atomic_store(&done, true);
    while (!atomic_load(&enough))
        ;
    return NULL;
}

static void processor_time_is_the_computing_threads(void **state)
{
    (void)state;
    static _Alignas(64) rt__progress p;
    rt__progress_watch w = {0};
    rt_msg_progress m;
    pthread_t thread;
    rt__progress_init(&p);
    rt__progress_message(&p, &w, NULL, rt_clock(), &m);
    assert_true(m.cpu == 0); /* no thread computes yet */
    atomic_store(&done, false);
    assert_int_equal(pthread_create(&thread, NULL, compute, &p), 0);
    while (!atomic_load(&done))
        rt_clock_sleep(0.001);
    for (double end = rt_clock() + 20; m.cpu < 0.05 && rt_clock() < end; rt_clock_sleep(0.001))
        rt__progress_message(&p, &w, NULL, rt_clock(),
                             &m); /* this thread sleeps, that one does not */
    assert_true(m.cpu >= 0.05);
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
}

static void a_mirror_shows_each_change(void **state)
{
    (void)state;
    _Alignas(64) rt__progress p;
    _Atomic int64_t step = 0, slice = 0, phase = 0;
    rt__progress_init(&p);
    rt__progress_step(&p, 7);
    rt__progress_mirror(&p, &step, &slice, &phase);
    assert_int_equal(step, 7);
    assert_int_equal(slice, -1);
    assert_int_equal(phase, RT_PHASE_START);
    rt__progress_enter_phase(&p, RT_PHASE_BACKWARD, 5);
    rt__progress_step(&p, 8);
    assert_int_equal(step, 8);
    assert_int_equal(slice, 5);
    assert_int_equal(phase, RT_PHASE_BACKWARD);
    rt__progress_mirror(&p, NULL, NULL, NULL);
    rt__progress_step(&p, 9);
    assert_int_equal(step, 8);
}

static void count_move(void *ctx)
{
    ++*(int *)ctx;
}

static void the_end_of_a_long_phase_is_reported(void **state)
{
    (void)state;
    _Alignas(64) rt__progress p;
    int moves = 0;
    rt__progress_init(&p);
    rt__progress_on_move(&p, count_move, &moves);
    rt__progress_enter_phase(&p, RT_PHASE_FORWARD, 0);
    assert_int_equal(moves, 0);
    atomic_store(&p.since, rt_clock() - 2 * RT__PROGRESS_LONG); /* as if the phase had begun then */
    rt__progress_enter_phase(&p, RT_PHASE_FORWARD, 1);
    assert_int_equal(moves, 1);
    rt__progress_enter_phase(&p, RT_PHASE_FORWARD, 2);
    assert_int_equal(moves, 1);
}

static void phases_have_names(void **state)
{
    (void)state;
    assert_string_equal(rt_phase_name(RT_PHASE_START), "start");
    assert_string_equal(rt_phase_name(RT_PHASE_SNAPSHOT), "snapshot");
    assert_string_equal(rt_phase_name(RT_PHASES), "?");
    assert_string_equal(rt_phase_name(-1), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_never_sees_half_an_update),
        cmocka_unit_test(seconds_of_phases_add_up_to_the_time_spent),
        cmocka_unit_test(reads_return_what_was_written),
        cmocka_unit_test(phases_have_names),
        cmocka_unit_test(a_message_says_what_is_running),
        cmocka_unit_test(operations_are_moves),
        cmocka_unit_test(the_usual_time_of_a_phase_is_its_mean),
        cmocka_unit_test(processor_time_is_the_computing_threads),
        cmocka_unit_test(a_mirror_shows_each_change),
        cmocka_unit_test(the_end_of_a_long_phase_is_reported),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed ? failed : rt_shutdown();
}
