/* The collectives with ranks as threads: all of tests/mpi/collectives.h for worlds of 1 to 8, and
 * what can only be tried where a failure does not take an MPI job with it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "common/clock.h"
#include "tests/mpi/collectives.h"

typedef rt_status rank_body(rt_comm *c, uint64_t seed);

typedef struct rank_thread {
    pthread_t thread;
    rt_comm *comm;
    rank_body *body;
    uint64_t seed;
    rt_status status;
    rt_saved_error error;
} rank_thread;

static void *rank_main(void *arg)
{
    rank_thread *r = arg;
    rt_error_clear();
    r->status = r->body(r->comm, r->seed);
    rt_error_save(&r->error);
    return NULL;
}

/* Starts one thread per rank; rank i runs bodies[i]. */
static void start(rank_thread *ranks, rt_comm **comms, int world, rank_body *const *bodies,
                  uint64_t seed)
{
    for (int i = 0; i < world; i++) {
        ranks[i] = (rank_thread){.comm = comms[i], .body = bodies[i], .seed = seed};
        assert_int_equal(pthread_create(&ranks[i].thread, NULL, rank_main, &ranks[i]), 0);
    }
}

static void join(rank_thread *ranks, int world)
{
    for (int i = 0; i < world; i++)
        pthread_join(ranks[i].thread, NULL);
}

static void make(int world, rt_comm **comms)
{
    rt_error_clear();
    assert_int_equal(rt_comm_loopback(world, comms), RT_OK);
}

static void release(int world, rt_comm **comms)
{
    for (int i = 0; i < world; i++)
        rt_comm_free(comms[i]);
}

/* A rank that fails leaves others waiting for it: its flag sends them home. */
static atomic_int give_up;

static rank_body *current;

static rt_status run_or_give_up(rt_comm *c, uint64_t seed)
{
    const rt_status status = current(c, seed);
    if (status != RT_OK)
        atomic_store(&give_up, 1);
    return status;
}

static void run_in_all_worlds(rank_body *body, uint64_t seed)
{
    for (int world = 1; world <= WORLD_MAX; world++) {
        rt_comm *comms[WORLD_MAX];
        rank_thread ranks[WORLD_MAX];
        rank_body *bodies[WORLD_MAX];
        const int64_t live = rt_mem_live();
        make(world, comms);
        atomic_store(&give_up, 0);
        current = body;
        for (int i = 0; i < world; i++) {
            bodies[i] = run_or_give_up;
            rt_comm_set_abort_flag(comms[i], &give_up);
        }
        start(ranks, comms, world, bodies, seed);
        join(ranks, world);
        release(world, comms);
        for (int i = 0; i < world; i++)
            if (ranks[i].status != RT_OK && ranks[i].status != RT_E_ABORTED)
                fail_msg("rank %d of %d, seed %llu: %s (%s)", i, world, (unsigned long long)seed,
                         ranks[i].error.text, ranks[i].error.place);
        assert_int_equal(rt_mem_live(), live);
    }
}

#define TEST(name)                                                                                 \
    static void loopback_##name(void **state)                                                      \
    {                                                                                              \
        (void)state;                                                                               \
        run_in_all_worlds(test_##name, 1337);                                                      \
    }
COLLECTIVE_TESTS(TEST)
#undef TEST

static void bad_worlds_are_refused(void **state)
{
    rt_comm *none[1];
    (void)state;
    rt_error_clear();
    assert_int_equal(rt_comm_loopback(0, none), RT_E_ARG);
    rt_error_clear();
}

/* Nobody leaves a barrier before all have come. */
static atomic_int arrived;

static rt_status barrier_rounds(rt_comm *c, uint64_t seed)
{
    const int world = rt_comm_world(c);
    for (int round = 1; round <= 50; round++) {
        if ((int)(mix(seed + (uint64_t)round) % (uint64_t)world) == rt_comm_rank(c))
            rt_clock_sleep(0.0005);
        atomic_fetch_add(&arrived, 1);
        RT_TRY(rt_comm_barrier(c));
        const int seen = atomic_load(&arrived);
        CHECK(seen >= round * world, "round %d: left when %d had come", round, seen);
        RT_TRY(rt_comm_barrier(c));
    }
    return RT_OK;
}

static void barrier_holds_everybody(void **state)
{
    (void)state;
    for (int world = 2; world <= WORLD_MAX; world += 3) {
        rt_comm *comms[WORLD_MAX];
        rank_thread ranks[WORLD_MAX];
        rank_body *bodies[WORLD_MAX];
        for (int i = 0; i < world; i++)
            bodies[i] = barrier_rounds;
        atomic_store(&arrived, 0);
        make(world, comms);
        start(ranks, comms, world, bodies, 7);
        join(ranks, world);
        for (int i = 0; i < world; i++)
            if (ranks[i].status != RT_OK)
                fail_msg("rank %d of %d: %s", i, world, ranks[i].error.text);
        release(world, comms);
    }
}

static rt_status reduce_something(rt_comm *c, uint64_t seed)
{
    float x[100] = {(float)seed};
    return rt_comm_all_reduce(c, x, 100, RT_ALGO_AUTO);
}

static rt_status broadcast_10(rt_comm *c, uint64_t seed)
{
    char x[10] = {(char)seed};
    return rt_comm_broadcast(c, x, 10, 0);
}

static rt_status broadcast_11(rt_comm *c, uint64_t seed)
{
    char x[11] = {(char)seed};
    return rt_comm_broadcast(c, x, 11, 0);
}

static rt_status never_arrive(rt_comm *c, uint64_t seed)
{
    (void)c, (void)seed;
    return RT_OK;
}

static rt_status broadcast_twice(rt_comm *c, uint64_t seed)
{
    (void)seed;
    char x[10] = {0};
    const rt_status first = rt_comm_broadcast(c, x, sizeof x, 2);
    rt_saved_error why;
    rt_error_save(&why);
    CHECK(rt_comm_broadcast(c, x, sizeof x, 2) == first, "a broken communicator goes on");
    CHECK(strstr(rt_error(), "earlier"), "\"%s\"", rt_error());
    rt_error_clear();
    return rt_error_restore(&why);
}

/* Rank 2 never comes; the others say whom they wait for, and stop when told. */
static void abort_ends_every_wait(void **state)
{
    enum { WORLD = 4 };
    static rank_body *const bodies[2][WORLD] = {
        {broadcast_twice, broadcast_twice, never_arrive, broadcast_twice},
        {reduce_something, reduce_something, never_arrive, reduce_something},
    };
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        rt_comm *comms[WORLD];
        rank_thread ranks[WORLD];
        atomic_int flag = 0;
        make(WORLD, comms);
        for (int i = 0; i < WORLD; i++)
            rt_comm_set_abort_flag(comms[i], &flag);
        const double begin = rt_clock();
        start(ranks, comms, WORLD, bodies[kind], 1);
        for (int i = 0; i < WORLD; i++) {
            rt_comm_wait w = {0};
            if (i == 2)
                continue;
            while (!rt_comm_waiting(comms[i], &w))
                rt_clock_sleep(0.001);
            assert_string_equal(w.op, kind == 0 ? "broadcast" : "all_reduce");
            assert_true(w.peer >= 0 && w.peer < WORLD && w.peer != i);
            assert_true(w.since >= begin - 1e-5 && w.since <= rt_clock());
            if (kind == 0 && i == 3) /* the child of the root that is missing */
                assert_int_equal(w.peer, 2);
        }
        atomic_store(&flag, 1);
        join(ranks, WORLD);
        for (int i = 0; i < WORLD; i++) {
            rt_comm_wait w;
            assert_int_equal(ranks[i].status, i == 2 ? RT_OK : RT_E_ABORTED);
            assert_true(i == 2 || strstr(ranks[i].error.text, "waiting for rank"));
            assert_false(rt_comm_waiting(comms[i], &w));
        }
        release(WORLD, comms);
    }
}

/* Ranks that disagree on the size of a buffer are both told. */
static void sizes_that_differ_are_refused(void **state)
{
    static rank_body *const bodies[] = {broadcast_10, broadcast_11};
    rt_comm *comms[2];
    rank_thread ranks[2];
    (void)state;
    make(2, comms);
    start(ranks, comms, 2, bodies, 1);
    join(ranks, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ranks[i].status, RT_E_PROTOCOL);
        assert_non_null(strstr(ranks[i].error.text, "expected"));
    }
    release(2, comms);
}

/* Fails each allocation in turn: no leak, no hang, NOMEM where it happened and ABORTED elsewhere.
 */
static rt_status needs_memory(rt_comm *c, uint64_t seed)
{
    float x[10] = {(float)seed};
    RT_TRY(rt_comm_all_reduce(c, x, 10, RT_ALGO_DIRECT));
    return rt_comm_all_reduce(c, x, 10, RT_ALGO_RING);
}

static void every_allocation_may_fail(void **state)
{
    enum { WORLD = 3 };
    static rank_body *const bodies[WORLD] = {run_or_give_up, run_or_give_up, run_or_give_up};
    bool failed = true;
    (void)state;
    current = needs_memory;
    for (int n = 0; failed; n++) {
        rt_comm *comms[WORLD];
        rank_thread ranks[WORLD];
        const int64_t live = rt_mem_live();
        rt_error_clear();
        rt_mem_fail_after(n);
        failed = rt_comm_loopback(WORLD, comms) != RT_OK;
        if (!failed) {
            atomic_store(&give_up, 0);
            for (int i = 0; i < WORLD; i++)
                rt_comm_set_abort_flag(comms[i], &give_up);
            start(ranks, comms, WORLD, bodies, 1);
            join(ranks, WORLD);
            for (int i = 0; i < WORLD; i++) {
                failed = failed || ranks[i].status != RT_OK;
                assert_true(ranks[i].status == RT_OK || ranks[i].status == RT_E_NOMEM ||
                            ranks[i].status == RT_E_ABORTED);
            }
            release(WORLD, comms);
        } else {
            assert_int_equal(rt_error_code(), RT_E_NOMEM);
        }
        rt_mem_fail_after(-1);
        assert_int_equal(rt_mem_live(), live);
        assert_true(n < 100);
    }
    rt_error_clear();
}

int main(void)
{
#define TEST(name) cmocka_unit_test(loopback_##name),
    const struct CMUnitTest tests[] = {
        COLLECTIVE_TESTS(TEST) cmocka_unit_test(bad_worlds_are_refused),
        cmocka_unit_test(barrier_holds_everybody),
        cmocka_unit_test(abort_ends_every_wait),
        cmocka_unit_test(sizes_that_differ_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
