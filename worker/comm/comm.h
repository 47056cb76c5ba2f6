/* Collectives on raw buffers, over a transport that can send and receive.
 *
 *     rt_comm *c;
 *     RT_TRY(rt_comm_mpi(&c));                          // or rt_comm_loopback(n, ranks) in tests
 *     RT_TRY(rt_comm_reduce_scatter(c, &r, parts, k, out, RT_ALGO_AUTO));
 *     RT_TRY(rt_comm_all_gather(c, params, owned, RT_F32, RT_ALGO_AUTO));
 *     rt_comm_free(c);
 *
 * Collective: every rank makes the same calls in the same order, with the same arguments wherever
 * they describe the whole (ranges, counts, algorithm). One thread per rt_comm; only rt_comm_waiting
 * may be called from others. Every wait polls, yields the processor when nothing moves (ranks may
 * outnumber cores), and gives up with RT_E_ABORTED as soon as the abort flag is set. A collective
 * that fails once it has begun leaves the communicator broken: later ones return the same status.
 *
 * Costs are stated per call and rank, for world size W and M bytes of buffer split evenly, and
 * asserted in tests through rt_comm_stats. A message carries at most RT_COMM_MESSAGE bytes
 * (RT_COMM_CHUNK where what it brings is summed or passed on, so that this is done in cache while
 * the next one arrives); a longer one is sent as several. Nothing is sent for an empty range.
 * Scratch memory is kept: no allocation after the first call of a size. */
#ifndef RINGTORCH_WORKER_COMM_H
#define RINGTORCH_WORKER_COMM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <ringtorch/dtype.h>
#include "common/slices.h"

enum {
    RT_COMM_CHUNK = 1 << 19,  /* bytes of the longest message that is summed or passed on */
    RT_COMM_MESSAGE = 1 << 26 /* bytes of the longest message that is only copied */
};

typedef struct rt_comm rt_comm;

typedef enum rt_algo {
    RT_ALGO_AUTO,    /* halving where it applies, else direct */
    RT_ALGO_DIRECT,  /* exact tree, partials straight to the owner */
    RT_ALGO_HALVING, /* exact tree, recursive halving: W a power of two, one partial per rank */
    RT_ALGO_RING,    /* classic ring: sums in ring order, deterministic for a fixed W */
    RT_ALGO_LIBRARY, /* the transport's own all_reduce, a baseline: any order, deaf to the flag */
} rt_algo;

/* A partial sum over slices [node.begin, node.end): a canonical node of T[0,S). */
typedef struct rt_partial {
    rt_range node;
    float *data; /* [count]; used as scratch by the collective */
} rt_partial;

typedef struct rt_comm_stats {
    int64_t messages_sent, bytes_sent;
} rt_comm_stats;

/* Starts MPI on the calling thread (MPI_THREAD_FUNNELED or higher) and takes MPI_COMM_WORLD;
 * possible once in a process. rt_comm_free ends MPI, which waits for the other ranks, unless the
 * communicator is broken: then the process should end, and mpirun ends the others. */
rt_status rt_comm_mpi(rt_comm **out);
/* Makes `world` ranks that talk through memory, one per thread. ranks: [world]; free each. */
rt_status rt_comm_loopback(int world, rt_comm *ranks[]);
void rt_comm_free(rt_comm *c); /* NULL is fine */

int rt_comm_rank(const rt_comm *c);
int rt_comm_world(const rt_comm *c);
/* Any thread may set the flag: non-zero makes every present and later wait fail. NULL: none. */
void rt_comm_set_abort_flag(rt_comm *c, const atomic_int *flag);
rt_comm_stats rt_comm_stats_of(const rt_comm *c);

/* What a rank has been waiting for, for stall reports. */
typedef struct rt_comm_wait {
    const char *op; /* "reduce_scatter"; static text */
    int peer;       /* rank that should have sent or received by now */
    double since;   /* rt_clock() when the wait began, to 1 us */
} rt_comm_wait;
/* Returns whether the owner of c is waiting for another rank, and for what. From any thread. */
bool rt_comm_waiting(const rt_comm *c, rt_comm_wait *out);

/* How one sum is spread over the ranks. Same on every rank. */
typedef struct rt_reduce {
    int64_t slices;             /* S >= W */
    const int64_t *slice_begin; /* [W+1] rank r has slices [slice_begin[r], slice_begin[r+1]) */
    const rt_range *owned;      /* [W] disjoint ranges of [0,count), in any order; may be empty */
    int64_t count;
} rt_reduce;

/* Sums partials of all ranks; each rank gets its own range r->owned[rank] of the result in the same
 * place of `out` ([count]; may be one of the partials' buffers; elements outside that range are not
 * touched). parts: my canonical nodes in order ([k], as rt_tree_nodes gives them).
 *
 * - direct: tree order. k(W-1) messages, k(W-1)/W*M bytes; holds two chunks for each partial of
 *   another rank.
 * - halving: tree order. log2 W messages, (W-1)/W*M bytes. Needs W a power of two, one partial per
 *   rank that pair up as tree nodes (rt_slices_of_rank, S a power of two), ranges that lie in
 *   bit-reversed rank order (rt_owned_by_rank).
 * - ring: x[r+1] + x[r+2] + ... + x[r] from left to right for the range of rank r, indices mod W.
 *   W-1 messages, (W-1)/W*M bytes. Needs one partial per rank.
 *
 * Fails with ARG for ranges that do not fit, UNSUPPORTED where the algorithm does not apply. */
rt_status rt_comm_reduce_scatter(rt_comm *c, const rt_reduce *r, const rt_partial *parts, int k,
                                 float *out, rt_algo algo);

/* Every rank has buf[owned[rank]] and gets all of them, in (W-1)/W*M bytes:
 *
 * - direct: W-1 messages, one to each rank.
 * - halving, here doubling: log2 W messages. Needs W and ranges as above.
 * - ring: W-1 messages, all to the next rank. */
rt_status rt_comm_all_gather(rt_comm *c, void *buf, const rt_range *owned, rt_dtype dtype,
                             rt_algo algo);

/* Sums buf ([count]) of all ranks in place: reduce_scatter then all_gather of even shares, rank r
 * holding slice r of T[0,W). W a power of two: 2*log2 W messages, else 2(W-1); 2(W-1)/W*M bytes. */
rt_status rt_comm_all_reduce(rt_comm *c, float *buf, int64_t count, rt_algo algo);
/* Binomial tree: ceil(log2 W) rounds; ceil(log2 W) messages from the root, W-1 in all. */
rt_status rt_comm_broadcast(rt_comm *c, void *buf, int64_t bytes, int root);
/* One range of bytes that goes to a rank or comes from one. */
typedef struct rt_comm_transfer {
    int peer; /* another rank */
    void *data;
    int64_t bytes;
} rt_comm_transfer;
/* Sends and receives all of these at once; what one rank sends to another, in order, is what that
 * one receives from it. A rank with nothing to move makes the call too. A message for each
 * RT_COMM_MESSAGE bytes of each range. */
rt_status rt_comm_exchange(rt_comm *c, const rt_comm_transfer *sends, int send_count,
                           const rt_comm_transfer *receives, int receive_count);
/* Dissemination: ceil(log2 W) messages of no bytes. No rank leaves before all have come. */
rt_status rt_comm_barrier(rt_comm *c);

#endif
