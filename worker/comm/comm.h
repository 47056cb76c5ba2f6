/* Collectives on raw buffers, over a transport that can send and receive.
 *
 *     rt_comm *c;
 *     RT_TRY(rt_comm_mpi(&c));                                   // or rt_comm_loopback(n, ranks) in tests
 *     RT_TRY(rt_comm_reduce_scatter(c, parts, k, owned, out, RT_ALGO_AUTO));
 *     RT_TRY(rt_comm_all_gather(c, params, owned, RT_F32));
 *     rt_comm_free(c);
 *
 * One thread per rt_comm. Every wait polls, yields the processor when nothing moves (ranks may outnumber
 * cores), and gives up with RT_E_ABORTED as soon as the abort flag is set. Costs are stated per call, for
 * world size W and M bytes of buffer, and asserted in tests through rt_comm_stats. */
#ifndef RINGTORCH_WORKER_COMM_H
#define RINGTORCH_WORKER_COMM_H

#include <stdatomic.h>
#include <stdint.h>
#include <ringtorch/dtype.h>
#include "common/slices.h"

typedef struct rt_comm rt_comm;

typedef enum rt_algo {
    RT_ALGO_AUTO,    /* halving where it applies, else direct */
    RT_ALGO_DIRECT,  /* exact tree, partials straight to the owner */
    RT_ALGO_HALVING, /* exact tree, recursive halving: W a power of two, one partial per rank */
    RT_ALGO_RING,    /* classic ring: sums in ring order, deterministic for a fixed W */
} rt_algo;

/* A partial sum over slices [node.begin, node.end): a canonical node of T[0,S). */
typedef struct rt_partial {
    rt_range node;
    float *data; /* [count]; may be used as scratch by the collective */
} rt_partial;

typedef struct rt_comm_stats {
    int64_t messages_sent, bytes_sent;
} rt_comm_stats;

/* Starts MPI on the calling thread (MPI_THREAD_FUNNELED or higher) and takes MPI_COMM_WORLD; rt_comm_free ends MPI. */
rt_status rt_comm_mpi(rt_comm **out);
/* Makes `world` ranks that talk through memory, one per thread. ranks: [world]. */
rt_status rt_comm_loopback(int world, rt_comm *ranks[]);
void rt_comm_free(rt_comm *c);

int rt_comm_rank(const rt_comm *c);
int rt_comm_world(const rt_comm *c);
/* The flag may be set by any thread; non-zero makes every present and later wait fail. NULL: none. */
void rt_comm_set_abort_flag(rt_comm *c, const atomic_int *flag);
rt_comm_stats rt_comm_stats_of(const rt_comm *c);

/* Sums partials of all ranks in tree order; each rank gets its own range owned[rank] of the result in
 * out + owned[rank].begin. parts: my canonical nodes in order ([k], k >= 1); slices: S; slice_begin: [W+1], which
 * slices each rank has; owned: [W] disjoint ranges of [0,count). RING needs k == 1 and sums in ring order.
 * direct: k(W-1) messages, k(W-1)/W*M bytes per rank; halving: log2 W messages, (W-1)/W*M bytes;
 * ring: W-1 messages, (W-1)/W*M bytes. */
typedef struct rt_reduce {
    int64_t slices;
    const int64_t *slice_begin; /* [W+1] */
    const rt_range *owned;      /* [W] */
    int64_t count;
} rt_reduce;
rt_status rt_comm_reduce_scatter(rt_comm *c, const rt_reduce *r, const rt_partial *parts, int k, float *out,
                                 rt_algo algo);
/* Every rank has buf[owned[rank]] and gets all of them. W-1 messages (ring) or log2 W (doubling),
 * (W-1)/W*M bytes. */
rt_status rt_comm_all_gather(rt_comm *c, void *buf, const rt_range *owned, rt_dtype dtype, rt_algo algo);
/* reduce_scatter then all_gather of float32 in place, rank r holding slice r of T[0,W). */
rt_status rt_comm_all_reduce(rt_comm *c, float *buf, int64_t count, rt_algo algo);
/* Binomial tree: ceil(log2 W) rounds. */
rt_status rt_comm_broadcast(rt_comm *c, void *buf, int64_t bytes, int root);
/* Dissemination: ceil(log2 W) messages of no bytes. */
rt_status rt_comm_barrier(rt_comm *c);

#endif
