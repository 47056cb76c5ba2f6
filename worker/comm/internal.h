/* The internals of comm with which the algorithms are written.
 *
 *     rt__exchange x = {.to = next, .send = mine, .send_bytes = n, .from = prev, .receive = ...};
 *     RT_TRY(rt__comm_exchange(c, &x));
 *
 * Each algorithm to reduce and gather is one file that defines an rt__algorithm; any other collective is one file that
 * defines its public function. It posts requests and waits for them. On failure it simply returns: the function that
 * failed has already cancelled all requests, so they may live in the stack frames that are left. */
#ifndef RINGTORCH_WORKER_COMM_INTERNAL_H
#define RINGTORCH_WORKER_COMM_INTERNAL_H

#include "worker/comm/comm.h"
#include "worker/comm/transport.h"

/* OP(constant, name): the operations of a communicator, and their names in stall reports. */
#define RT__OPS(OP)                                                                                \
    OP(REDUCE_SCATTER, "reduce_scatter")                                                           \
    OP(ALL_GATHER, "all_gather")                                                                   \
    OP(ALL_REDUCE, "all_reduce")                                                                   \
    OP(BROADCAST, "broadcast")                                                                     \
    OP(BARRIER, "barrier")                                                                         \
    OP(EXCHANGE, "exchange")                                                                       \
    OP(ALL_TO_ALL, "all_to_all")                                                                   \
    OP(SEND, "send")                                                                               \
    OP(RECV, "recv")                                                                               \
    OP(GROUP, "group")

typedef enum rt__op {
    RT__IDLE,
#define OP(constant, name) RT__##constant,
    RT__OPS(OP)
#undef OP
        RT__OP_VALUES /* how many there are */
} rt__op;

/* Each communicator has RT__CONTEXT_TAGS tags of its own: context * RT__CONTEXT_TAGS + one of these. */
enum {
    RT__TAG_MESSAGES, /* rt_comm_send, rt_comm_recv */
    RT__TAG_GROUP,    /* making a group from this communicator */
    RT__TAG_FIRST,    /* collectives use the remaining tags in turn */
    RT__CONTEXT_TAGS = 1 << 10,
};

/* Buffers kept from call to call; there is one per use, so that none is handed out twice. */
typedef enum rt__scratch_use {
    RT__SCRATCH_INCOMING, /* chunks received and not yet summed */
    RT__SCRATCH_REQUESTS,
    RT__SCRATCH_NODES, /* direct: partials of all ranks */
    RT__SCRATCH_SUMS,  /* direct: additions of the tree */
    RT__SCRATCH_PLAN,  /* all_reduce: ranges */
    RT__SCRATCHES
} rt__scratch_use;

enum { RT__DEPTH = 2 }; /* pieces of one transfer in flight at a time */

/* What a rank's world shares with all its groups. */
typedef struct rt__end {
    rt_transport *transport;   /* owned */
    int communicators;         /* reference count: freeing the last one frees this */
    bool oversubscribed;       /* more ranks than processors on this host */
    int64_t contexts;          /* contexts below this number are taken, as far as this rank knows */
    rt_status broken;          /* the status of the first call that failed after it had begun */
    double created;            /* rt_clock() */
    _Atomic(uint64_t) waiting; /* packed by wait.c; 0 if not waiting */
} rt__end;

struct rt_comm {
    rt__end *end;
    int rank, world;
    int *members; /* [world] their ranks in the transport's world */
    const atomic_int *abort_flag;
    rt_comm_stats stats;
    rt__op op;
    int context; /* part of all tags, so messages of other communicators cannot match */
    int turn;    /* number of collectives so far, modulo the tags for them */
    int tag;     /* of the current call */
    struct {
        void *data;
        size_t bytes;
    } scratch[RT__SCRATCHES];
};

/* Returns at least `bytes` of the buffer for this use, uninitialised; NULL if memory runs out. */
void *rt__comm_scratch(rt_comm *c, rt__scratch_use use, size_t bytes);

/* Makes a communicator of `world` ranks that shares `end`; the caller fills in its members and its context. */
rt_status rt__comm_new(rt__end *end, int rank, int world, rt_comm **out);
/* Fails if the rank is broken or its abort flag is set. */
rt_status rt__comm_may_begin(const rt_comm *c);

/* Every call checks its arguments (an error there breaks nothing), begins, and ends with its status. A call that fails
 * between begin and end has left messages in flight, so the rank is broken. `what` is the name of the call, for error
 * messages. */
rt_status rt__comm_check_buf(const rt_buf *b, const char *what);
rt_status rt__comm_check_ranges(const rt_comm *c, const rt_range *owned, int64_t count); /* [W] */
rt_status rt__comm_check_peer(const rt_comm *c, int peer, const char *what);
rt_status rt__comm_begin(rt_comm *c, rt__op op);
rt_status rt__comm_end(rt_comm *c, rt_status status);

/* Starts a transfer; *r must stay until waited for. */
rt_status rt__comm_send(rt_comm *c, rt_request *r, int to, const void *data, size_t bytes);
rt_status rt__comm_receive(rt_comm *c, rt_request *r, int from, void *data, size_t bytes);
/* Cancels all requests, marks the rank broken and returns the status. For failures outside of the functions below,
 * which call it themselves. */
rt_status rt__comm_break(rt_comm *c, rt_status status);

/* Waits for one request while all make progress. Fails with ABORTED if the abort flag is set. */
rt_status rt__comm_wait(rt_comm *c, rt_request *r);
rt_status rt__comm_wait_all(rt_comm *c, rt_request r[], int64_t count);

/* out[i] = a[i] + b[i]; out may be a or b, ranges may not overlap otherwise. */
typedef void rt__sum(void *out, const void *a, const void *b, int64_t count);
/* Returns the function that adds a type, or NULL if comm does not sum it. */
rt__sum *rt__comm_sum_of(rt_dtype dtype);

/* Returns how many messages carry a range that is cut into pieces of `piece` bytes. A closed range ends with a piece that is
 * not full, an empty one if need be: so two ranks that disagree about its length expect different sizes of some message,
 * and both fail. Ranges whose lengths all ranks know need no closing, and nothing is sent for an empty one. */
int64_t rt__comm_pieces(size_t bytes, size_t piece, bool closed);

/* Sends one range to a rank while receiving another from a rank, piece by piece. With `mine`
 * `receive` gets mine + arrived (mine_first) or arrived + mine; it may be the same buffer as
 * `mine`. */
typedef struct rt__exchange {
    int to, from;
    const void *send;
    size_t send_bytes;
    void *receive;
    size_t receive_bytes;
    const void *mine; /* [receive_bytes], or NULL to copy only */
    bool mine_first;
    rt_dtype dtype; /* of the summed elements */
    bool close_send, close_receive;
} rt__exchange;
rt_status rt__comm_exchange(rt_comm *c, const rt__exchange *x);

/* An algorithm to reduce and gather. Both predicates have the same result on every rank. */
typedef struct rt__algorithm {
    const char *name;
    bool (*can_reduce)(const rt_comm *c, const rt_reduce *r);
    rt_status (*reduce_scatter)(rt_comm *c, const rt_reduce *r, const rt_partial *parts, int k,
                                const rt_buf *out);
    bool (*can_gather)(const rt_comm *c, const rt_range *owned);
    rt_status (*all_gather)(rt_comm *c, char *buf, const rt_range *owned, size_t element);
} rt__algorithm;

/* Returns the rank whose range is number `place` of the buffer if halving applies, and also the place of a rank,
 * because bit reversal is its own inverse. `world` is a power of two. */
int rt__comm_bit_reversed(int world, int place);

extern const rt__algorithm rt__comm_direct, rt__comm_halving, rt__comm_ring;

#endif
