/* rt_parallel_map: each item once, the same bits for any number of threads, and the first failure by number. */
#include "check.h"

#include <stdatomic.h>

enum { ITEMS = 10007, PIECE = 64, PIECES = (ITEMS + PIECE - 1) / PIECE };

typedef struct sums {
    float x[ITEMS], of[PIECES];
    _Atomic int seen[ITEMS];
} sums;

static rt_status add_up(void *context, int64_t begin, int64_t end, int64_t piece)
{
    sums *s = context;
    for (int64_t i = begin; i < end; i++) {
        atomic_fetch_add(&s->seen[i], 1);
        s->of[piece] += s->x[i];
    }
    return begin == piece * PIECE && end - begin <= PIECE ? RT_OK : RT_E_INTERNAL;
}

static void every_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    static sums s;
    float first = 0;
    for (int threads = 1; threads <= 3; threads++) {
        rt_init("cpu", .threads = threads);
        assert_int_equal(rt_threads(), threads);
        memset(&s, 0, sizeof s);
        for (int i = 0; i < ITEMS; i++)
            s.x[i] = (float)(i * 7919 % 1009) / 1009 - 0.4f;
        assert_int_equal(rt_parallel_map(ITEMS, PIECE, add_up, &s), RT_OK);
        float sum = 0;
        for (int i = 0; i < PIECES; i++)
            sum += s.of[i];
        for (int i = 0; i < ITEMS; i++)
            assert_int_equal(s.seen[i], 1);
        if (threads == 1)
            first = sum;
        assert_memory_equal(&sum, &first, sizeof sum);
    }
}

/* Fails from piece 5 on: with a message, with a status alone, or with a message alone. */
static rt_status fail_late(void *context, int64_t begin, int64_t end, int64_t piece)
{
    (void)begin, (void)end;
    if (piece < 5)
        return RT_OK;
    int how = *(int *)context;
    if (how != 1)
        rt_fail(RT_E_RANGE, "piece %d has failed", (int)piece);
    return how == 2 ? RT_OK : RT_E_RANGE;
}

static void the_first_failure_is_the_result(void **state)
{
    (void)state;
    rt_init("cpu", .threads = 3);
    for (int how = 0; how < 3; how++)
        for (int i = 0; i < 20; i++) {
            assert_int_equal(rt_parallel_map(40, 1, fail_late, &how), RT_E_RANGE);
            if (how == 1)
                assert_error(RANGE, "parallel_map: piece 5 failed: value out of range");
            else
                assert_error(RANGE, "piece 5 has failed");
        }
    rt_fail(RT_E_ARG, "before");
    assert_int_equal(rt_parallel_map(1, 1, fail_late, NULL), RT_E_ARG);
    assert_error(ARG, "before");
}

static rt_status inner(void *context, int64_t begin, int64_t end, int64_t piece)
{
    (void)piece;
    *(int64_t *)context += end - begin;
    return RT_OK;
}

/* Without a lock: the inner call has no threads. */
static rt_status outer(void *context, int64_t begin, int64_t end, int64_t piece)
{
    (void)begin, (void)end;
    return rt_parallel_map(100 + piece, 7, inner, (int64_t *)context + piece);
}

static void calls_within_bodies(void **state)
{
    (void)state;
    int64_t of[30] = {0};
    rt_init("cpu", .threads = 3);
    assert_int_equal(rt_parallel_map(30, 1, outer, of), RT_OK);
    for (int i = 0; i < 30; i++)
        assert_int_equal(of[i], 100 + i);
}

#define DOUBLED_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_TYPE(F32), "any shape")
typedef struct doubled_args {
    RT_STRUCT(DOUBLED_FIELDS)
} doubled_args;

static rt_status doubled_infer(rt_call *c)
{
    return rt_result_like(c, 0, c->in[0]);
}

static rt_status double_piece(void *context, int64_t begin, int64_t end, int64_t piece)
{
    (void)piece;
    float *const *xy = context;
    for (int64_t i = begin; i < end; i++)
        xy[1][i] = 2 * xy[0][i];
    return RT_OK;
}

static rt_status doubled_run(rt_call *c)
{
    float *xy[] = {rt_f32(c->in[0]), rt_f32(c->out[0])};
    return rt_parallel_map(rt_numel(c->out[0]), 2, double_piece, xy);
}

static const rt_op doubled_op = {
    .name = "doubled",
    RT_ARGS(doubled_args, DOUBLED_FIELDS),
    .infer = doubled_infer,
    .run = doubled_run,
};

static void operations_may_use_it(void **state)
{
    (void)state;
    rt_init("cpu", .threads = 2);
    assert_values(rt_apply(&doubled_op, &(doubled_args){rt_arange(0, 5, 1, RT_F32)}), 0, 2, 4, 6,
                  8);
}

static void no_items_and_bad_sizes(void **state)
{
    (void)state;
    assert_int_equal(rt_parallel_map(0, 3, fail_late, NULL), RT_OK);
    int64_t all = 0;
    assert_int_equal(rt_parallel_map(5, INT64_MAX, inner, &all), RT_OK);
    assert_int_equal(all, 5);
    assert_int_equal(rt_parallel_map(-1, 1, inner, &all), RT_E_RANGE);
    assert_error(
        RANGE, "parallel_map: -1 items in pieces of 1, expected 0 or more in pieces of 1 or more");
    assert_int_equal(rt_parallel_map(1, 0, inner, &all), RT_E_RANGE);
    assert_error(RANGE,
                 "parallel_map: 1 items in pieces of 0, expected 0 or more in pieces of 1 or more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_number_of_threads_gives_the_same_bits),
        TEST(the_first_failure_is_the_result),
        TEST(calls_within_bodies),
        TEST(operations_may_use_it),
        TEST(no_items_and_bad_sizes),
    };
    int failed = cmocka_run_group_tests_name("parallel", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
