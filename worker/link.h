/* The link thread: the only one of a rank that talks to the coordinator. What it says and obeys is
 * decided by the state machine in link_state.h; this is the thread, the wire and the clock around it.
 *
 *     rt__orders_init(&orders);
 *     rt__link_args a = {.endpoint = endpoint, .keys = &keys, .run = run, .name = "worker 3",
 *                        .generation = g, .progress = &progress, .orders = &orders, .comm = comm};
 *     RT_TRY(rt__link_start(&a, &l));
 *     rt__link_post(l, RT_MSG_HELLO, &hello);       // from any thread; copied, never blocks
 *     RT_TRY(rt__link_wait_plan(l, &message));      // what to do, or why we were refused
 *     ... steps; orders.stop_after and orders.abort change as the coordinator says ...
 *     rt__link_end(l, 2);                           // sends what is queued, for at most 2 s
 *
 * From HELLO on it sends PROGRESS twice a second, however busy the computing thread is. If the
 * coordinator is away the rank goes on: messages wait until it is back, or a new one in its place.
 * After RT_LEASE_SECONDS without any, the abort flag is set. */
#ifndef RINGTORCH_WORKER_LINK_H
#define RINGTORCH_WORKER_LINK_H

#include "worker/commthread.h"
#include "worker/link_state.h"
#include "worker/progress.h"

typedef struct rt__link_args {
    const char *endpoint;
    const rt_wire_keys *keys; /* copied */
    const char *run, *name;
    int64_t generation;
    rt__progress *progress;
    rt__orders *orders;
    rt__commthread *comm; /* tells whom the rank waits for; NULL: nobody is asked */
    /* FORGET: called on the link thread. NULL: nobody minds. */
    void (*forget)(void *ctx, int64_t before);
    void *forget_ctx;
    /* SIGTERM is blocked in all threads and is this one's to take: the coordinator is told that the
     * rank must leave (LEAVE), and work goes on until it decides. A second one, or one that nobody
     * can be told of, ends the process with exit code 143. */
    bool takes_sigterm;
} rt__link_args;

typedef struct rt__link rt__link;

/* Borrows everything in `a` until rt__link_end, which the computing thread calls, as it does this. */
rt_status rt__link_start(const rt__link_args *a, rt__link **out);
/* Queues a message. Losing one for lack of memory is logged. */
void rt__link_post(rt__link *l, rt_msg_type type, const void *body);
/* Waits for PLAN, which is out->plan; the caller releases it with rt_msg_body_release. Fails with
 * the code and reason of REFUSED, with ABORTED when told to leave, NET when no coordinator can be
 * reached, AUTH when it does not accept our keys. */
rt_status rt__link_wait_plan(rt__link *l, rt_msg_body *out);
/* Waits until told to leave at once (STOP -1); fails if that cannot come any more, as above. */
rt_status rt__link_wait_leave(rt__link *l);
/* Sends what is queued and waits until it has arrived, for at most `linger` seconds (a rank that was
 * told to leave does not wait), and ends the thread. NULL is fine. */
void rt__link_end(rt__link *l, double linger);

#endif
