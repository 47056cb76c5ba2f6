/* Tests of loaders and the prefetcher below them: order, epochs, errors, stopping. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/data/prefetch.h"
#include <ringtorch/data.h>
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

enum { SIZE = 37 };

/* Sample i is {i, -i} with label i. */
static rt_dataset *numbered(void)
{
    float x[SIZE][2];
    int64_t y[SIZE];
    for (int i = 0; i < SIZE; i++) {
        x[i][0] = (float)i;
        x[i][1] = (float)-i;
        y[i] = i;
    }
    return rt_data_tensors({"x", rt_from(x, rt_shape(SIZE, 2), RT_F32)},
                           {"y", rt_from(y, rt_shape(SIZE), RT_I64), .classes = SIZE});
}

static void check_batch(const rt_batch *b, int64_t n, int64_t epoch, int64_t index)
{
    rt_tensor *x = rt_batch_field(b, "x"), *labels = rt_batch_field(b, "y");
    assert_int_equal(b->n, n);
    assert_int_equal(rt_size(x, 0), n);
    assert_int_equal(rt_size(x, 1), 2);
    assert_int_equal(rt_numel(labels), n);
    assert_int_equal(b->epoch, epoch);
    assert_int_equal(b->index, index);
    for (int64_t i = 0; i < n; i++) {
        int64_t y = rt_i64(labels)[i];
        assert_true(rt_f32(x)[2 * i] == (float)y && rt_f32(x)[2 * i + 1] == (float)-y);
    }
}

static void epochs_visit_each_sample_once_in_keyed_order(void **state)
{
    (void)state;
    for (int prefetch = 0; prefetch <= 5; prefetch++) {
        rt_scope s = rt_scope_begin();
        rt_loader *l = rt_data_loader(numbered(), .batch = 10, .shuffle = true, .seed = 99,
                                      .prefetch = prefetch);
        rt_batch b;
        for (int64_t epoch = 0; epoch < 3; epoch++) {
            int64_t q = 0;
            for (int64_t index = 0; rt_data_next(l, &b); index++) {
                check_batch(&b, index < 3 ? 10 : 7, epoch, index);
                for (int64_t i = 0; i < b.n; i++, q++)
                    assert_int_equal(rt_i64(rt_batch_field(&b, "y"))[i],
                                     rt_permutation(99, epoch, SIZE, q));
            }
            assert_null(rt_batch_find(&b, "x"));
            assert_int_equal(q, SIZE);
        }
        assert_false(rt_failed());
        rt_scope_end(s);
    }
}

static void drop_last_and_no_shuffle(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_loader *l = rt_data_loader(numbered(), .batch = 10, .drop_last = true);
    rt_batch b;
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        for (int64_t index = 0; index < 3; index++) {
            assert_true(rt_data_next(l, &b));
            check_batch(&b, 10, epoch, index);
            assert_int_equal(rt_i64(rt_batch_field(&b, "y"))[9], 10 * index + 9);
        }
        assert_false(rt_data_next(l, &b));
    }
    rt_scope_end(s);
}

static void batches_larger_than_the_set(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_batch b;
    rt_loader *l = rt_data_loader(numbered(), .batch = 1000);
    assert_true(rt_data_next(l, &b));
    check_batch(&b, SIZE, 0, 0);
    assert_false(rt_data_next(l, &b));
    assert_null(rt_data_loader(numbered(), .batch = 1000, .drop_last = true));
    assert_int_equal(rt_error_code(), RT_E_RANGE);
    rt_error_clear();
    assert_null(rt_data_loader(numbered(), .batch = 0));
    assert_int_equal(rt_error_code(), RT_E_RANGE);
    rt_error_clear();
    rt_scope_end(s);
}

static void seed_of_zero_is_a_seed(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_batch a, b, c;
    rt_init("cpu", .seed = 5);
    assert_true(rt_data_next(rt_data_loader(numbered(), .batch = 10, .shuffle = true), &a));
    assert_true(
        rt_data_next(rt_data_loader(numbered(), .batch = 10, .shuffle = true, .seed = 0), &b));
    rt_init("cpu", .seed = 0);
    assert_true(rt_data_next(rt_data_loader(numbered(), .batch = 10, .shuffle = true), &c));
    const void *first = rt_data(a.field[1]), *second = rt_data(b.field[1]);
    assert_memory_not_equal(first, second, 10 * sizeof(int64_t));
    assert_memory_equal(second, rt_data(c.field[1]), 10 * sizeof(int64_t));
    rt_scope_end(s);
}

static void leaves_nothing_behind(void **state)
{
    (void)state;
    rt_shutdown();
    int64_t memory = rt_mem_live(), objects = rt_live_objects();
    for (int taken = 0; taken < 9; taken++) { /* stops the thread at any point of its work */
        rt_scope s = rt_scope_begin();
        rt_loader *l = rt_data_loader(numbered(), .batch = 3, .prefetch = 4);
        rt_batch b;
        for (int i = 0; i < taken; i++)
            assert_true(rt_data_next(l, &b));
        rt_scope_end(s);
    }
    rt_shutdown();
    assert_int_equal(rt_mem_live(), memory);
    assert_int_equal(rt_live_objects(), objects);
}

static void steady_state_takes_no_memory(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_loader *l = rt_data_loader(numbered(), .batch = 4, .shuffle = true);
    rt_batch b;
    int64_t total = 0;
    for (int i = 0; i < 100; i++) {
        rt_scope step = rt_scope_begin();
        rt_data_next(l, &b);
        rt_scope_end(step);
        if (i == 20)
            total = rt_mem_total();
    }
    assert_int_equal(rt_mem_total(), total);
    rt_scope_end(s);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    rt_scope outer = rt_scope_begin();
    rt_dataset *d = numbered();
    bool done = false;
    for (int n = 0; !done; n++) {
        assert_true(n < 100);
        int64_t objects = rt_live_objects();
        rt_scope s = rt_scope_begin();
        rt_mem_fail_after(n);
        rt_loader *l = rt_data_loader(d, .batch = 5);
        rt_batch b;
        done = l && rt_data_next(l, &b);
        rt_mem_fail_after(-1);
        assert_true(done || rt_error_code() == RT_E_NOMEM);
        rt_error_clear();
        rt_scope_end(s);
        assert_int_equal(rt_live_objects(), objects);
    }
    rt_scope_end(outer);
}

/* ---- the prefetcher itself ---- */

typedef struct maker {
    int64_t poison; /* the number of the batch that fails */
    atomic_int calls;
    atomic_int inside; /* fills that run at the same time */
    double pause;
} maker;

static rt_status make(void *ctx, int64_t number, rt__filled *to)
{
    maker *m = ctx;
    assert_int_equal(atomic_fetch_add(&m->inside, 1), 0);
    atomic_fetch_add(&m->calls, 1);
    if (m->pause > 0)
        rt_clock_sleep(m->pause);
    to->n = 1;
    *(int64_t *)to->buffer[0].data = number;
    atomic_fetch_sub(&m->inside, 1);
    return number == m->poison ? RT_FAIL(CORRUPT, "batch %d is poisoned", (int)number) : RT_OK;
}

static rt__prefetch *prefetcher(maker *m, bool threaded)
{
    rt__prefetch *p;
    rt_scope s = rt_scope_begin();
    rt_dataset *d = rt_data_tensors({"number", rt_zeros(rt_shape(1), RT_I64)});
    rt__prefetch_args a = {
        .fill = make, .ctx = m, .slots = 4, .held = 1, .data = d, .most = 1, .threaded = threaded};
    assert_int_equal(rt__prefetch_new(&a, &p), RT_OK);
    rt_scope_end(s); /* the buffers exist, so the data set is not needed any more */
    return p;
}

static void take(rt__prefetch *p, int64_t number)
{
    const rt__filled *b;
    assert_int_equal(rt__prefetch_take(p, number, &b), RT_OK);
    assert_int_equal(*(const int64_t *)b->buffer[0].data, number);
}

static void any_number_may_be_taken(void **state)
{
    (void)state;
    for (int threaded = 0; threaded < 2; threaded++) {
        maker m = {.poison = -1};
        rt__prefetch *p = prefetcher(&m, threaded);
        uint32_t random = 12345; /* not printed, because it is constant */
        int64_t at = 0;
        for (int i = 0; i < 2000; i++) {
            random = random * 1664525u + 1013904223u;
            uint32_t what = random >> 24;
            if (what < 32)
                at = random >> 8 & 1023; /* a jump, forwards or back */
            if (what < 64)
                rt__prefetch_hint(p, at);
            take(p, at++);
        }
        rt__prefetch_free(p);
    }
}

/* Waits until that many batches are made, then a little longer, in case one too many is made. */
static void has_made(const maker *m, int calls)
{
    for (int i = 0; i < 20000 && atomic_load(&m->calls) < calls; i++)
        rt_clock_sleep(0.001);
    rt_clock_sleep(0.01);
    assert_int_equal(atomic_load(&m->calls), calls);
}

static void makes_ahead_but_no_further_than_its_slots(void **state)
{
    (void)state;
    maker m = {.poison = -1};
    rt__prefetch *p = prefetcher(&m, true);
    rt__prefetch_hint(p, 7);
    has_made(&m, 3);         /* 7, 8, 9: the caller holds the fourth slot */
    rt__prefetch_hint(p, 7); /* the batches being made are not started again */
    take(p, 7);
    has_made(&m, 3); /* two are left, so the thread keeps sleeping */
    take(p, 8);
    has_made(&m, 5); /* one was left, so the thread filled all slots again */
    rt__prefetch_free(p);
}

static void hands_over_the_error_of_the_batch_that_failed(void **state)
{
    (void)state;
    for (int threaded = 0; threaded < 2; threaded++) {
        maker m = {.poison = 5};
        rt__prefetch *p = prefetcher(&m, threaded);
        const rt__filled *b;
        for (int i = 0; i < 5; i++)
            take(p, i);
        assert_int_equal(rt__prefetch_take(p, 5, &b), RT_E_CORRUPT);
        assert_string_equal(rt_error(), "batch 5 is poisoned");
        rt_error_clear();
        take(p, 6); /* the next one is fine */
        rt__prefetch_free(p);
    }
}

static void stops_while_it_is_making(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        maker m = {.poison = -1, .pause = 0.002};
        rt__prefetch *p = prefetcher(&m, true);
        rt__prefetch_hint(p, 0);
        if (i % 2)
            take(p, 0);
        if (i % 3 == 0)
            rt__prefetch_hint(p, 100); /* a jump while a batch is being made */
        rt__prefetch_free(p);
    }
}

static int shut_down(void **state)
{
    (void)state;
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs_visit_each_sample_once_in_keyed_order),
        cmocka_unit_test(drop_last_and_no_shuffle),
        cmocka_unit_test(batches_larger_than_the_set),
        cmocka_unit_test(seed_of_zero_is_a_seed),
        cmocka_unit_test(leaves_nothing_behind),
        cmocka_unit_test(steady_state_takes_no_memory),
        cmocka_unit_test(survives_failing_allocations),
        cmocka_unit_test(any_number_may_be_taken),
        cmocka_unit_test(makes_ahead_but_no_further_than_its_slots),
        cmocka_unit_test(hands_over_the_error_of_the_batch_that_failed),
        cmocka_unit_test(stops_while_it_is_making),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
