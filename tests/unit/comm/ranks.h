/* Ranks as threads over the loopback transport.
 *
 *     run_in_all_worlds(test_gather, 1337);        // with 1 to 8 ranks; fails with a rank's error
 */
#ifndef RINGTORCH_TESTS_UNIT_COMM_RANKS_H
#define RINGTORCH_TESTS_UNIT_COMM_RANKS_H

#include "common/base/clock.h"
#include "tests/mpi/collectives.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

typedef rt_status rank_body(rt_comm *c, uint64_t seed);

typedef struct rank_thread {
    pthread_t thread;
    rt_comm *comm;
    rank_body *body;
    uint64_t seed;
    rt_status status;
    rt_saved_error error;
} rank_thread;

static inline void *rank_main(void *arg)
{
    rank_thread *r = arg;
    rt_error_clear();
    r->status = r->body(r->comm, r->seed);
    rt_error_save(&r->error);
    return NULL;
}

/* Starts one thread per rank; rank i runs bodies[i]. */
static inline void start(rank_thread *ranks, rt_comm **comms, int world, rank_body *const *bodies,
                         uint64_t seed)
{
    for (int i = 0; i < world; i++) {
        ranks[i] = (rank_thread){.comm = comms[i], .body = bodies[i], .seed = seed};
        assert_int_equal(pthread_create(&ranks[i].thread, NULL, rank_main, &ranks[i]), 0);
    }
}

static inline void join(rank_thread *ranks, int world)
{
    for (int i = 0; i < world; i++)
        pthread_join(ranks[i].thread, NULL);
}

static inline void make(int world, rt_comm **comms)
{
    rt_error_clear();
    assert_int_equal(rt_comm_loopback(world, comms), RT_OK);
}

static inline void release(int world, rt_comm **comms)
{
    for (int i = 0; i < world; i++)
        rt_comm_free(comms[i]);
}

/* If a rank fails while others wait for it, this abort flag ends their waits. */
static atomic_int give_up;

static rank_body *current;

static inline rt_status run_or_give_up(rt_comm *c, uint64_t seed)
{
    const rt_status status = current(c, seed);
    if (status != RT_OK)
        atomic_store(&give_up, 1);
    return status;
}

static inline void run_in_world(int world, rank_body *body, uint64_t seed)
{
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

static inline void run_in_all_worlds(rank_body *body, uint64_t seed)
{
    for (int world = 1; world <= WORLD_MAX; world++)
        run_in_world(world, body, seed);
}

static inline rt_status never_arrive(rt_comm *c, uint64_t seed)
{
    (void)c, (void)seed;
    return RT_OK;
}

/* Fails each allocation of three ranks in turn: no leak, no hang, NOMEM where it happened and ABORTED
 * elsewhere. */
static inline void fail_every_allocation(rank_body *body)
{
    enum { COUNT = 3 };
    static rank_body *const bodies[COUNT] = {run_or_give_up, run_or_give_up, run_or_give_up};
    bool failed = true;
    current = body;
    for (int n = 0; failed; n++) {
        rt_comm *comms[COUNT];
        rank_thread ranks[COUNT];
        const int64_t live = rt_mem_live();
        rt_error_clear();
        rt_mem_fail_after(n);
        failed = rt_comm_loopback(COUNT, comms) != RT_OK;
        if (!failed) {
            atomic_store(&give_up, 0);
            for (int i = 0; i < COUNT; i++)
                rt_comm_set_abort_flag(comms[i], &give_up);
            start(ranks, comms, COUNT, bodies, 1);
            join(ranks, COUNT);
            for (int i = 0; i < COUNT; i++) {
                failed = failed || ranks[i].status != RT_OK;
                assert_true(ranks[i].status == RT_OK || ranks[i].status == RT_E_NOMEM ||
                            ranks[i].status == RT_E_ABORTED);
            }
            release(COUNT, comms);
        } else {
            assert_int_equal(rt_error_code(), RT_E_NOMEM);
        }
        rt_mem_fail_after(-1);
        assert_int_equal(rt_mem_live(), live);
        assert_true(n < 200);
    }
    rt_error_clear();
}

#endif
