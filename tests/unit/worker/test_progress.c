/* The progress record: readers never see half an update, and times add up. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "common/clock.h"
#include "worker/progress.h"

enum { UPDATES = 200000 };

static rt__progress record;
static atomic_bool done;

/* Writes phases and slices that belong together: slice = 10 * phase. */
static void *write_updates(void *arg)
{
    (void)arg;
    for (int i = 0; i < UPDATES; i++) {
        rt_phase phase = (rt_phase)(i % RT_PHASES);
        rt__progress_phase(&record, phase, 10 * (int64_t)phase);
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
    rt__progress_phase(&record, RT_PHASE_START, 0);
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
    rt__progress_phase(&p, RT_PHASE_FORWARD, 3);
    rt_clock_sleep(0.02);
    rt__progress_phase(&p, RT_PHASE_BACKWARD, 3);
    rt__progress_phase(&p, RT_PHASE_FORWARD, 4);
    rt_clock_sleep(0.01);
    rt__progress_phase(&p, RT_PHASE_FINISH, -1);
    for (int i = 0; i < RT_PHASES; i++)
        sum += p.seconds[i];
    double spent = rt__progress_read(&p).since - began;
    assert_true(sum > spent - 1e-9 && sum < spent + 1e-9);
    assert_true(p.seconds[RT_PHASE_FORWARD] >= 0.03);
    assert_true(p.seconds[RT_PHASE_FORWARD] > p.seconds[RT_PHASE_BACKWARD]);
}

static void what_is_read_is_what_was_written(void **state)
{
    (void)state;
    _Alignas(64) rt__progress p;
    rt__progress_init(&p);
    rt__progress_step(&p, 41);
    rt__progress_phase(&p, RT_PHASE_REDUCE, -1);
    rt__progress_view v = rt__progress_read(&p);
    assert_int_equal(v.step, 41);
    assert_int_equal(v.slice, -1);
    assert_int_equal(v.phase, RT_PHASE_REDUCE);
    assert_true(rt_clock() >= v.since);
}

static void names_and_numbers_of_phases_agree(void **state)
{
    (void)state;
    for (int i = 0; i < RT_PHASES; i++)
        assert_int_equal(rt_phase_of_name(rt_phase_name(i)), i);
    assert_int_equal(rt_phase_of_name("lunch"), RT_PHASES);
    assert_string_equal(rt_phase_name(RT_PHASES), "?");
    assert_string_equal(rt_phase_name(-1), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_never_sees_half_an_update),
        cmocka_unit_test(seconds_of_phases_add_up_to_the_time_spent),
        cmocka_unit_test(what_is_read_is_what_was_written),
        cmocka_unit_test(names_and_numbers_of_phases_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
