/* The collectives with ranks as threads: all of tests/mpi/collectives.h for worlds of 1 to 8, and failures that would
 * kill an MPI job. */
#include "ranks.h"

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

/* No rank leaves a barrier before all have arrived. */
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

static void a_barrier_waits_for_all_ranks(void **state)
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
    return rt_comm_all_reduce(c, floats(x, 100), RT_ALGO_AUTO);
}

static rt_status broadcast_10(rt_comm *c, uint64_t seed)
{
    char x[10] = {(char)seed};
    return rt_comm_broadcast(c, bytes_at(x, 10), 0);
}

static rt_status broadcast_11(rt_comm *c, uint64_t seed)
{
    char x[11] = {(char)seed};
    return rt_comm_broadcast(c, bytes_at(x, 11), 0);
}

static rt_status broadcast_twice(rt_comm *c, uint64_t seed)
{
    (void)seed;
    char x[10] = {0};
    const rt_status first = rt_comm_broadcast(c, bytes_at(x, sizeof x), 2);
    rt_saved_error why;
    rt_error_save(&why);
    CHECK(rt_comm_broadcast(c, bytes_at(x, sizeof x), 2) == first, "a broken communicator goes on");
    CHECK(strstr(rt_error(), "earlier"), "\"%s\"", rt_error());
    rt_error_clear();
    return rt_error_restore(&why);
}

/* Rank 2 never arrives; the others report which rank they wait for, and stop when the abort flag is set. */
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
            if (kind == 0 && i == 3) /* it waits for the root's missing child */
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

/* If two ranks disagree on the size of a buffer, both calls fail. */
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

/* ---- sizes of nothing, and of whole messages ---- */

static const int64_t pair_counts[][2] = {
    {4, 0},
    {0, 4},
    {RT_COMM_MESSAGE, 2 * (int64_t)RT_COMM_MESSAGE},
    {2 * (int64_t)RT_COMM_MESSAGE, RT_COMM_MESSAGE},
    {RT_COMM_CHUNK, 2 * RT_COMM_CHUNK},
    {2 * RT_COMM_CHUNK, RT_COMM_CHUNK},
};
enum { PAIRS = sizeof pair_counts / sizeof *pair_counts };

static uint8_t *
    long_buffer[2]; /* [2 * RT_COMM_MESSAGE] of each rank; pages that nobody touches cost nothing */

static rt_status message_of(rt_comm *c, uint64_t pair)
{
    const int rank = rt_comm_rank(c);
    const rt_buf buf = bytes_at(long_buffer[rank], pair_counts[pair][rank]);
    return rank == 0 ? rt_comm_send(c, buf, 1) : rt_comm_recv(c, buf, 0);
}

static rt_status exchange_of(rt_comm *c, uint64_t pair)
{
    const int rank = rt_comm_rank(c);
    const rt_comm_transfer t = {1 - rank, bytes_at(long_buffer[rank], pair_counts[pair][rank])};
    return rt_comm_exchange(c, &t, rank == 0, &t, rank == 1);
}

static rt_status broadcast_of(rt_comm *c, uint64_t pair)
{
    const int rank = rt_comm_rank(c);
    return rt_comm_broadcast(c, bytes_at(long_buffer[rank], pair_counts[pair][rank]), 0);
}

/* Rank 0 sends so many to rank 1, which expects so many; nothing goes the other way, or to oneself. */
static rt_status all_to_all_of(rt_comm *c, uint64_t pair)
{
    const int rank = rt_comm_rank(c);
    const int64_t n = pair_counts[pair][rank];
    const rt_range none[2] = {{0, 0}, {0, 0}}, to[2] = {{0, 0}, {0, n}}, from[2] = {{0, n}, {n, n}};
    const rt_buf all = bytes_at(long_buffer[rank], n), nothing = bytes_at(NULL, 0);
    return rank == 0 ? rt_comm_all_to_all(c, all, to, nothing, none)
                     : rt_comm_all_to_all(c, nothing, none, all, from);
}

typedef struct mismatch {
    rank_body *call;
    /* The sender waits for nothing but its message, so it learns that this was refused. */
    bool one_way;
} mismatch;

static rank_body *mismatched;
static atomic_int mismatch_found;

/* The first rank that fails ends the wait of the other one, as a run does. */
static rt_status mismatched_or_abort(rt_comm *c, uint64_t pair)
{
    const rt_status status = mismatched(c, pair);
    if (status != RT_OK)
        atomic_store(&mismatch_found, 1);
    return status;
}

static void expect_mismatch(const mismatch *m, uint64_t pair)
{
    rank_body *const bodies[] = {mismatched_or_abort, mismatched_or_abort};
    rt_comm *comms[2];
    rank_thread ranks[2];
    mismatched = m->call;
    atomic_store(&mismatch_found, 0);
    make(2, comms);
    for (int i = 0; i < 2 && !m->one_way; i++)
        rt_comm_set_abort_flag(comms[i], &mismatch_found);
    start(ranks, comms, 2, bodies, pair);
    join(ranks, 2);
    for (int i = 0; i < 2; i++) {
        const bool aborted =
            !m->one_way && ranks[i].status == RT_E_ABORTED && ranks[1 - i].status == RT_E_PROTOCOL;
        if (ranks[i].status != RT_E_PROTOCOL && !aborted)
            fail_msg("%lld against %lld bytes: rank %d: %s", (long long)pair_counts[pair][0],
                     (long long)pair_counts[pair][1], i, rt_status_name(ranks[i].status));
    }
    release(2, comms);
}

/* No rank may return OK: what one of them leaves in flight would be received by a later call. */
static void sizes_of_nothing_and_of_whole_messages_are_compared(void **state)
{
    static const mismatch calls[] = {
        {message_of, true}, {exchange_of, true}, {broadcast_of, true}, {all_to_all_of, false}};
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_non_null(long_buffer[i] = rt_calloc(2, RT_COMM_MESSAGE));
    for (int call = 0; call < 4; call++)
        for (uint64_t pair = 0; pair < PAIRS; pair++)
            expect_mismatch(&calls[call], pair);
    for (int i = 0; i < 2; i++)
        rt_mem_free(long_buffer[i]);
}

static rt_status needs_memory(rt_comm *c, uint64_t seed)
{
    float x[10] = {(float)seed};
    RT_TRY(rt_comm_all_reduce(c, floats(x, 10), RT_ALGO_DIRECT));
    return rt_comm_all_reduce(c, floats(x, 10), RT_ALGO_RING);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_every_allocation(needs_memory);
}

int main(void)
{
#define TEST(name) cmocka_unit_test(loopback_##name),
    const struct CMUnitTest tests[] = {
        COLLECTIVE_TESTS(TEST) cmocka_unit_test(bad_worlds_are_refused),
        cmocka_unit_test(a_barrier_waits_for_all_ranks),
        cmocka_unit_test(abort_ends_every_wait),
        cmocka_unit_test(sizes_that_differ_are_refused),
        cmocka_unit_test(sizes_of_nothing_and_of_whole_messages_are_compared),
        cmocka_unit_test(every_allocation_may_fail),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
