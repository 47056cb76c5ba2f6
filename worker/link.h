/* The link thread: the only one of a rank that talks to the coordinator.
 *
 *     rt__link_args a = {endpoint, &keys, run, "worker 3", generation, &progress, &orders};
 *     rt__orders_init(&orders);
 *     RT_TRY(rt__link_start(&a, &l));
 *     rt__link_post(l, RT_MSG_HELLO, &hello);       // from any thread; copied, never blocks
 *     RT_TRY(rt__link_wait_plan(l, &message));      // what to do, or why we were refused
 *     ... steps; orders.stop_after and orders.abort change as the coordinator says ...
 *     rt__link_end(l, 2);                           // sends what is queued, for at most 2 s
 *
 * From HELLO on it sends PROGRESS twice a second, however busy the computing thread is. If the
 * coordinator is away the rank goes on: messages wait in the queue and in the wire until it is
 * back. Frames of other generations are dropped. */
#ifndef RINGTORCH_WORKER_LINK_H
#define RINGTORCH_WORKER_LINK_H

#include <stdatomic.h>
#include "common/wire.h"
#include "worker/progress.h"

/* What the coordinator wants now. Written by the link thread, read by all. */
typedef struct rt__orders {
    atomic_int abort;            /* not 0: give up every wait and leave; the flag comm looks at */
    _Atomic int64_t stop_after;  /* end at the first step >= this; -1: no such order */
    _Atomic int stop_checkpoint; /* 1: follow that step with a checkpoint */
    _Atomic int64_t
        checkpoint_after; /* follow the first step >= this with a checkpoint; -1: none */
} rt__orders;
void rt__orders_init(rt__orders *o);

typedef struct rt__link_args {
    const char *endpoint;
    const rt_wire_keys *keys; /* copied */
    const char *run, *name;
    int64_t generation;
    const rt__progress *progress;
    rt__orders *orders;
} rt__link_args;

typedef struct rt__link rt__link;

rt_status rt__link_start(const rt__link_args *a, rt__link **out);
/* Queues a message. Losing one for lack of memory is logged. */
void rt__link_post(rt__link *l, rt_msg_type type, const void *body);
/* Waits for PLAN, which is out->plan; the caller releases it with rt_msg_body_release. Fails with
 * the code and reason of REFUSED, or with ABORTED when told to leave. */
rt_status rt__link_wait_plan(rt__link *l, rt_msg_body *out);
/* Waits until told to leave at once (STOP -1). */
void rt__link_wait_leave(rt__link *l);
/* Sends what is queued, for at most `linger` seconds, and ends the thread. NULL is fine. */
void rt__link_end(rt__link *l, double linger);

#endif
