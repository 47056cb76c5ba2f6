/* Fibers: computations on one thread that take turns. Each has a stack of its own, its own scopes and random streams, and
 * its own copy of everything else in rt_thread that belongs to one computation (RT_FIBER_STATE).
 *
 *     static void body(void *arg) { ... rt__fiber_pause(f); ... }   // on the fiber
 *     rt__fiber *f = rt__fiber_new();
 *     rt__fiber_start(f, body, arg);
 *     while (rt__fiber_resume(f))                                    // until body has returned
 *         ... let other fibers run ...
 *     rt__fiber_free(f);
 *
 * Only one fiber runs at a time, so fibers share objects without locks, and kernels use the thread's own team and scratch memory. They
 * also share the error slot: after a failure the other fibers find the thread failed and end as well. A fiber that has been started
 * must run to its end before it is freed, and must not pause inside a destructor. */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_FIBER_H
#define RINGTORCH_WORKER_ENGINE_BASE_FIBER_H

#include <stdbool.h>

typedef struct rt__fiber rt__fiber;

/* Makes an idle fiber; NULL on failure. */
rt__fiber *rt__fiber_new(void);
/* f may be NULL. */
void rt__fiber_free(rt__fiber *f);
/* Assigns body to an idle fiber. It begins to run at the next rt__fiber_resume. */
void rt__fiber_start(rt__fiber *f, void (*body)(void *arg), void *arg);
/* Runs the fiber until it pauses or its body returns; returns true if it paused. */
bool rt__fiber_resume(rt__fiber *f);
/* Called on the fiber: switches back to the caller of rt__fiber_resume. */
void rt__fiber_pause(rt__fiber *f);

#endif
