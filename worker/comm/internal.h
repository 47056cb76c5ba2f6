/* The inside of comm: what the algorithms are written with.
 *
 *     rt__exchange x = {.to = next, .send = mine, .send_bytes = n, .from = prev, .receive = ...};
 *     RT_TRY(rt__comm_exchange(c, &x));
 *
 * An algorithm is one file that defines an rt__algorithm. It posts requests and waits for them. On
 * failure it just returns: what failed has already cancelled all requests, so they may lie in the
 * frames of the functions that return. */
#ifndef RINGTORCH_WORKER_COMM_INTERNAL_H
#define RINGTORCH_WORKER_COMM_INTERNAL_H

#include "worker/comm/comm.h"
#include "worker/comm/transport.h"

/* What a communicator is doing; 0 is nothing. */
typedef enum rt__op {
    RT__IDLE,
    RT__REDUCE_SCATTER,
    RT__ALL_GATHER,
    RT__ALL_REDUCE,
    RT__BROADCAST,
    RT__BARRIER,
    RT__EXCHANGE,
} rt__op;

/* Buffers that are kept from call to call, one per use so that none is handed out twice. */
typedef enum rt__scratch_use {
    RT__SCRATCH_INCOMING, /* chunks received and not yet summed */
    RT__SCRATCH_REQUESTS,
    RT__SCRATCH_NODES, /* direct: partials of all ranks */
    RT__SCRATCH_SUMS,  /* direct: additions of the tree */
    RT__SCRATCH_PLAN,  /* all_reduce: ranges */
    RT__SCRATCHES
} rt__scratch_use;

enum { RT__DEPTH = 2 }; /* pieces of one transfer under way at a time */

struct rt_comm {
    rt_transport *transport; /* owned */
    int rank, world;
    bool crowded; /* more ranks than processors on this host */
    const atomic_int *abort_flag;
    rt_comm_stats stats;
    rt_status broken; /* what the first failed collective returned */
    rt__op op;
    int tag;        /* of the current collective: one of another cannot be taken for ours */
    double created; /* rt_clock() */
    _Atomic(uint64_t) waiting; /* packed by wait.c; 0: not waiting */
    struct {
        void *data;
        size_t bytes;
    } scratch[RT__SCRATCHES];
};

/* Returns at least `bytes` of the buffer for this use, not cleared; NULL when memory is out. */
void *rt__comm_scratch(rt_comm *c, rt__scratch_use use, size_t bytes);

/* Starts a transfer; *r must stay until waited for. */
rt_status rt__comm_send(rt_comm *c, rt_request *r, int to, const void *data, size_t bytes);
rt_status rt__comm_receive(rt_comm *c, rt_request *r, int from, void *data, size_t bytes);
/* Cancels all requests and lets no collective follow; returns the status. For failures that the
 * functions below do not see; they call it themselves. */
rt_status rt__comm_break(rt_comm *c, rt_status status);

/* Waits for one request, moving all. ABORTED when the abort flag is set. */
rt_status rt__comm_wait(rt_comm *c, rt_request *r);
rt_status rt__comm_wait_all(rt_comm *c, rt_request r[], int64_t count);

/* Sends one range to a rank while receiving another from a rank, piece by piece. With `mine` the
 * bytes are float32 and `receive` gets mine + arrived (mine_first) or arrived + mine; it may be the
 * same buffer as `mine`. */
typedef struct rt__exchange {
    int to, from;
    const void *send;
    size_t send_bytes;
    void *receive;
    size_t receive_bytes;
    const float *mine; /* [receive_bytes / 4], or NULL: copy only */
    bool mine_first;
} rt__exchange;
rt_status rt__comm_exchange(rt_comm *c, const rt__exchange *x);

/* out[i] = a[i] + b[i] in float32; out may be a or b, ranges may not overlap otherwise. */
void rt__comm_sum(float *out, const float *a, const float *b, int64_t count);

/* A way to reduce and gather. Both questions have the same answer on every rank. */
typedef struct rt__algorithm {
    const char *name;
    bool (*can_reduce)(const rt_comm *c, const rt_reduce *r);
    rt_status (*reduce_scatter)(rt_comm *c, const rt_reduce *r, const rt_partial *parts, int k,
                                float *out);
    bool (*can_gather)(const rt_comm *c, const rt_range *owned);
    rt_status (*all_gather)(rt_comm *c, char *buf, const rt_range *owned, size_t element);
} rt__algorithm;

/* Returns the rank whose range is the place-th of the buffer where halving applies, and the place
 * of a rank: reversal is its own inverse. world: a power of two. */
int rt__comm_bit_reversed(int world, int place);

extern const rt__algorithm rt__comm_direct, rt__comm_halving, rt__comm_ring;

rt_status rt__comm_broadcast(rt_comm *c, char *buf, size_t bytes, int root);
rt_status rt__comm_barrier(rt_comm *c);
rt_status rt__comm_exchange_all(rt_comm *c, const rt_comm_transfer *sends, int send_count,
                                const rt_comm_transfer *receives, int receive_count);

#endif
