/* The link thread: the only one of a rank that talks to the coordinator. The state machine in link_state.h decides what
 * it sends and obeys; this file is the thread, the wire and the clock around it.
 *
 *     rt__orders_init(&orders);
 *     rt__link_args a = {.endpoint = endpoint, .keys = &keys, .run = run, .name = "worker 3",
 *                        .generation = g, .progress = &progress, .orders = &orders, .comm = comm};
 *     RT_TRY(rt__link_start(&a, &l));
 *     rt__link_post(l, RT_MSG_HELLO, &hello);       // from any thread; copied, never blocks
 *     RT_TRY(rt__link_wait_plan(l, &message));      // our work, or why we were refused
 *     ... steps; orders.stop_after and orders.abort change as the coordinator orders ...
 *     rt__link_end(l, 2);                           // sends what is queued, for at most 2 s
 *
 * After HELLO it sends PROGRESS twice a second, however busy the computing thread is. While the coordinator cannot be
 * reached the rank keeps training; messages wait until it, or a new one in its place, is back. After RT_LEASE_SECONDS
 * without a coordinator the abort flag is set. */
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
    rt__commthread *comm; /* knows which rank we wait for; NULL if there is none */
    /* Called on the link thread when FORGET arrives; may be NULL. */
    void (*forget)(void *ctx, int64_t before);
    void *forget_ctx;
    /* SIGTERM is blocked in all threads and this thread handles it: it sends LEAVE to the coordinator (the rank must
     * leave), and work goes on until the coordinator decides. A second SIGTERM, or one while the coordinator cannot be
     * reached, ends the process with exit code 143. */
    bool takes_sigterm;
} rt__link_args;

typedef struct rt__link rt__link;

/* Borrows everything in `a` until rt__link_end. The computing thread must call both. */
rt_status rt__link_start(const rt__link_args *a, rt__link **out);
/* Queues a message. If memory runs out the message is lost, which is logged. */
void rt__link_post(rt__link *l, rt_msg_type type, const void *body);
/* Waits for PLAN, which becomes out->plan; the caller releases it with rt_msg_body_release. Fails with the code and
 * reason of REFUSED, with ABORTED if ordered to leave, with NET if no coordinator can be reached, with AUTH if it does
 * not accept our keys. */
rt_status rt__link_wait_plan(rt__link *l, rt_msg_body *out);
/* Waits for the order to leave at once (STOP -1); fails as above if that can no longer arrive. */
rt_status rt__link_wait_leave(rt__link *l);
/* Sends what is queued, waits for its arrival for at most `linger` seconds (not at all if the rank was ordered to
 * leave), and ends the thread. `l` may be NULL. */
void rt__link_end(rt__link *l, double linger);

#endif
