/* The communication thread: the only one of a rank that calls MPI. It sleeps until it has a job.
 *
 *     rt__commthread *t;
 *     RT_TRY(rt__commthread_start(open_mpi, NULL, &abort, &t));    // MPI starts over there
 *     ... load the data meanwhile ...
 *     RT_TRY(rt__commthread_ready(t, &rank, &world));
 *     rt__commthread_post(t, reduce, &args);      // rt_status reduce(rt_comm *, void *)
 *     ... something else ...
 *     RT_TRY(rt__commthread_wait(t));             // the job's status and error text
 *     rt__commthread_end(t);                      // frees the communicator over there
 *
 * One job at a time; all calls from one thread. */
#ifndef RINGTORCH_WORKER_COMMTHREAD_H
#define RINGTORCH_WORKER_COMMTHREAD_H

#include <stdatomic.h>
#include "worker/comm/comm.h"

typedef struct rt__commthread rt__commthread;

/* Makes the communicator, on the new thread. */
typedef rt_status (*rt__comm_open)(void *arg, rt_comm **out);
/* One collective (or several), on the communication thread. */
typedef rt_status (*rt__comm_job)(rt_comm *c, void *arg);

/* Starts the thread, which calls open(arg) at once. `abort` is the communicator's abort flag. */
rt_status rt__commthread_start(rt__comm_open open, void *arg, const atomic_int *abort,
                               rt__commthread **out);
/* Waits until the communicator is there; its rank and world size. Fails as `open` did. */
rt_status rt__commthread_ready(rt__commthread *t, int *rank, int *world);
/* Hands over a job. `arg` must live until the matching wait. */
void rt__commthread_post(rt__commthread *t, rt__comm_job job, void *arg);
rt_status rt__commthread_wait(rt__commthread *t);
/* Posts and waits. */
rt_status rt__commthread_run(rt__commthread *t, rt__comm_job job, void *arg);
/* Returns whether the communicator waits for another rank now, and for which: from any thread, until
 * rt__commthread_end. */
bool rt__commthread_waiting(rt__commthread *t, rt_comm_wait *out);
/* Frees the communicator (for MPI: waits for the other ranks) and joins the thread. NULL is fine.
 */
void rt__commthread_end(rt__commthread *t);

#endif
