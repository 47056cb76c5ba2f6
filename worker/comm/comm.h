/* Collectives and point-to-point messages on raw buffers, over a transport that can send and receive.
 *
 *     rt_comm *c;
 *     RT_TRY(rt_comm_mpi(&c));                          // or rt_comm_loopback(n, ranks) in tests
 *     const rt_buf params = {.data = x, .count = n};    // float32 in host memory
 *     RT_TRY(rt_comm_reduce_scatter(c, &r, parts, k, params, RT_ALGO_AUTO));
 *     RT_TRY(rt_comm_all_gather(c, params, owned, RT_ALGO_AUTO));
 *     rt_comm *pair;                                    // of ranks 2 and 5, which both call this
 *     RT_TRY(rt_comm_group(c, (int[]){2, 5}, 2, &pair));
 *     RT_TRY(rt_comm_all_reduce(pair, params, RT_ALGO_AUTO));
 *     rt_comm_free(pair);
 *     rt_comm_free(c);
 *
 * Collective: every rank makes the same calls in the same order, with the same arguments wherever they describe the
 * whole (ranges, counts, element types, algorithm). A rank uses one thread for its world and all its groups; only
 * rt_comm_waiting may be called from other threads. Every wait polls, yields the processor while nothing moves (ranks
 * may outnumber cores), and gives up with RT_E_ABORTED as soon as the abort flag is set. A call that fails after it has
 * begun leaves messages in flight that cannot be cancelled, so it leaves the rank broken: later calls return the same
 * status, in its world and in all its groups. Other ranks do not notice; they wait until their abort flag is set.
 *
 * Costs are stated per call and rank, for world size W and M bytes of buffer split evenly, and asserted in tests
 * through rt_comm_stats. What programs of users may call of it is in ringtorch/comm.h. A message carries at most RT_COMM_MESSAGE bytes (RT_COMM_CHUNK if its content is summed or
 * passed on, so that this happens in cache while the next one arrives); longer data go as several messages. Nothing is
 * sent for an empty range of those that all ranks know (rt_reduce, all_gather). Where only sender and receiver know a
 * length (broadcast, all_to_all, exchange, send), the last message of a buffer is never a full one, so that another
 * length at the other end fails there and here: a buffer that is empty or fills its messages costs an empty one more.
 * Scratch memory is kept, so only the first call of a size allocates. */
#ifndef RINGTORCH_WORKER_COMM_COMM_H
#define RINGTORCH_WORKER_COMM_COMM_H

#include "common/base/slices.h"
#include <ringtorch/comm.h>
#include <ringtorch/device.h>
#include <ringtorch/dtype.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    RT_COMM_CHUNK = 1 << 19,  /* bytes of the longest message that is summed or passed on */
    RT_COMM_MESSAGE = 1 << 26 /* bytes of the longest message that is only copied */
};

/* The elements to send, receive or sum: their address, number, type and device. A zero dtype is float32, a zero device
 * the CPU. Comm moves host memory only; a buffer of another device is refused with DEVICE. Sums exist for float32,
 * float64, int32 and int64 (integers wrap); other types are refused with DTYPE, because half precision would round
 * after each addition and so need a definition of its own. Calls that only move data accept every type. */
typedef struct rt_buf {
    void *data; /* [count]; may be NULL if count is 0 */
    int64_t count;
    rt_dtype dtype;
    rt_device device;
} rt_buf;

/* Returns a part of a buffer; the elements must lie within it. */
rt_buf rt_buf_range(rt_buf buf, rt_range elements);
/* Returns the buffer's size in bytes. */
size_t rt_buf_bytes(rt_buf buf);

typedef enum rt_algo {
    RT_ALGO_AUTO,    /* halving if it applies, else direct */
    RT_ALGO_DIRECT,  /* exact tree, partials sent straight to the owner */
    RT_ALGO_HALVING, /* exact tree, recursive halving: W a power of two, one partial per rank */
    RT_ALGO_RING,    /* classic ring: sums in ring order, deterministic for a fixed W */
    /* The transport's own all_reduce, as a baseline: in any order, ignores the abort flag, not for groups. */
    RT_ALGO_LIBRARY,
} rt_algo;

/* A partial sum over slices [node.begin, node.end): a canonical node of T[0,S). */
typedef struct rt_partial {
    rt_range node;
    void *data; /* [out.count], with the type and device of `out`; scratch for the collective */
} rt_partial;

typedef struct rt_comm_stats {
    int64_t messages_sent, bytes_sent;
} rt_comm_stats;

/* ---- communicators ---- */

/* Starts MPI on the calling thread (MPI_THREAD_FUNNELED or higher) and takes MPI_COMM_WORLD; possible once in a
 * process. The last rt_comm_free, of it or of its groups, ends MPI, which waits for the other ranks. If the rank is
 * broken MPI is not ended: the process should exit, and mpirun ends the others. */
rt_status rt_comm_mpi(rt_comm **out);
/* Returns false in a build without MPI (RT_WITH_MPI=OFF), in which rt_comm_mpi fails. */
bool rt_comm_has_mpi(void);
/* Makes `world` ranks that communicate through memory, one per thread. The caller frees each of ranks[world]. */
rt_status rt_comm_loopback(int world, rt_comm *ranks[]);
/* rt_comm_free: a group may outlive the communicator that it was made from. */

/* Makes a communicator of some ranks of c. Exactly those ranks call it, each with the same list; rank ranks[i] of c
 * becomes rank i of the group. Messages of different communicators never mix. The group inherits the abort flag of c.
 * It has its own statistics, which begin with the cost of making it: ceil(log2 n) messages of 16 bytes.
 *
 * Ranks that share several groups must make them in the same order. Fails with ARG if the list names a rank twice or
 * omits the caller, with PROTOCOL if the members' lists differ, and with UNSUPPORTED if the transport has no tags left:
 * every group that a rank was ever in uses some. There are enough for at least 31 groups under any MPI and for two
 * million under Open MPI over TCP or shared memory. */
rt_status rt_comm_group(rt_comm *c, const int ranks[], int count, rt_comm **out);
/* Makes a group of all ranks of c with the same colour, in the order of their keys, then of their ranks in c. If the
 * colour is below 0, this rank is in no group and *out is NULL. All ranks of c must call it. Costs an all_gather
 * (direct) of 16 bytes of each rank, counted in c, plus the cost of rt_comm_group. */
rt_status rt_comm_split(rt_comm *c, int color, int key, rt_comm **out);

/* Sets the abort flag, or none if NULL. Any thread may set the flag's value; non-zero makes every present and later
 * wait fail. */
void rt_comm_set_abort_flag(rt_comm *c, const atomic_int *flag);
rt_comm_stats rt_comm_stats_of(const rt_comm *c);

/* Which rank this one has been waiting for; for stall reports. */
typedef struct rt_comm_wait {
    const char *op; /* "reduce_scatter"; static text */
    int peer;       /* rank of the world that should have sent or received by now */
    double since;   /* rt_clock() when the wait began, to 1 us */
} rt_comm_wait;
/* Returns whether the owner of c is waiting for another rank, in c or any other communicator of its world, and fills in
 * which. May be called from any thread. */
bool rt_comm_waiting(const rt_comm *c, rt_comm_wait *out);

/* ---- collectives ---- */

/* How one sum is divided among the ranks. The same on every rank. */
typedef struct rt_reduce {
    int64_t slices;             /* S >= W */
    const int64_t *slice_begin; /* [W+1] rank r has slices [slice_begin[r], slice_begin[r+1]) */
    const rt_range *owned; /* [W] disjoint ranges of the elements, in any order; may be empty */
} rt_reduce;

/* Sums partials of all ranks; each rank gets its own range r->owned[rank] of the result in the same place of `out`
 * (which may be one of the partials' buffers; elements outside that range are not touched). parts: this rank's
 * canonical nodes in order ([k], as rt_tree_nodes returns them).
 *
 * - direct: tree order. k(W-1) messages, k(W-1)/W*M bytes; buffers two chunks for each partial of another rank.
 * - halving: tree order. log2 W messages, (W-1)/W*M bytes. Needs W a power of two, one partial per
 *   rank that pair up as tree nodes (rt_slices_of_rank, S a power of two), ranges that lie in
 *   bit-reversed rank order (rt_owned_by_rank).
 * - ring: x[r+1] + x[r+2] + ... + x[r] from left to right for the range of rank r, indices mod W.
 *   W-1 messages, (W-1)/W*M bytes. Needs one partial per rank.
 *
 * Fails with ARG if the ranges do not fit, and with UNSUPPORTED if the algorithm does not apply. */
rt_status rt_comm_reduce_scatter(rt_comm *c, const rt_reduce *r, const rt_partial *parts, int k,
                                 rt_buf out, rt_algo algo);

/* Every rank has the elements owned[rank] of buf and receives all others, in (W-1)/W*M bytes:
 *
 * - direct: W-1 messages, one to each rank.
 * - halving (here, doubling): log2 W messages. Needs W and ranges as above.
 * - ring: W-1 messages, all to the next rank. */
rt_status rt_comm_all_gather(rt_comm *c, rt_buf buf, const rt_range *owned, rt_algo algo);

/* Sums buf of all ranks in place: reduce_scatter, then all_gather of even shares; rank r holds slice r of T[0,W).
 * 2*log2 W messages if W is a power of two, else 2(W-1); 2(W-1)/W*M bytes. */
rt_status rt_comm_all_reduce(rt_comm *c, rt_buf buf, rt_algo algo);
/* Binomial tree: ceil(log2 W) rounds; ceil(log2 W) messages from the root, W-1 in all. Fails with PROTOCOL if the counts
 * of two ranks that communicate differ. */
rt_status rt_comm_broadcast(rt_comm *c, rt_buf buf, int root);

/* Sends the elements to[r] of `send` to each rank r, this one included, which puts them at the elements from[rank] of
 * its `receive`. `to` and `from` are [W], or both NULL for even shares in the order of ranks if W divides the counts.
 * Fails with PROTOCOL unless each rank sends as many elements as the other expects. The buffers must have the same type
 * and not overlap. W-1 messages, (W-1)/W*M bytes. */
rt_status rt_comm_all_to_all(rt_comm *c, rt_buf send, const rt_range *to, rt_buf receive,
                             const rt_range *from);

/* A buffer to send to a rank or to receive from one. */
typedef struct rt_comm_transfer {
    int peer; /* another rank */
    rt_buf buf;
} rt_comm_transfer;
/* Sends and receives all of these at once. What one rank sends to another must match, in order, what the other receives
 * from it, empty buffers included; fails with PROTOCOL if sizes differ. A rank with nothing to move must call it, too.
 * One message per RT_COMM_MESSAGE bytes of each buffer, and one for an empty buffer. */
rt_status rt_comm_exchange(rt_comm *c, const rt_comm_transfer *sends, int send_count,
                           const rt_comm_transfer *receives, int receive_count);
/* rt_comm_barrier: dissemination, ceil(log2 W) messages without bytes. */

/* ---- messages between two ranks ---- */

/* Sends buf to another rank, which receives it with rt_comm_recv. The n-th message sent is the n-th received, whatever
 * collectives come between; fails with PROTOCOL if the sizes differ. Returns when buf may be reused, which may be only
 * when the other rank receives, so two ranks that both send first deadlock (use rt_comm_exchange). One message per
 * RT_COMM_MESSAGE bytes, and one for an empty buffer. */
rt_status rt_comm_send(rt_comm *c, rt_buf buf, int to);
rt_status rt_comm_recv(rt_comm *c, rt_buf buf, int from);

#endif
