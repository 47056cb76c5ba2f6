/* The communication thread: the only one of a rank that calls MPI. It sleeps until it has a job.
 *
 *     rt__commthread *t;
 *     RT_TRY(rt__commthread_start(open_mpi, NULL, &abort, &t));    // MPI starts on that thread
 *     ... load the data meanwhile ...
 *     RT_TRY(rt__commthread_ready(t, &rank, &world));
 *     rt__commthread_post(t, reduce, &args);      // rt_status reduce(rt_comm *, void *)
 *     ... something else ...
 *     RT_TRY(rt__commthread_wait(t));             // the job's status and error text
 *     rt__commthread_end(t);                      // frees the communicator on that thread
 *
 * It runs one job at a time. All calls must come from one thread, unless stated otherwise. */
#ifndef RINGTORCH_WORKER_COMMTHREAD_H
#define RINGTORCH_WORKER_COMMTHREAD_H

#include "worker/comm/comm.h"
#include <stdatomic.h>

typedef struct rt__commthread rt__commthread;

/* Makes the communicator; called on the new thread. */
typedef rt_status (*rt__comm_open)(void *arg, rt_comm **out);
/* Runs one or more collectives; called on the communication thread. */
typedef rt_status (*rt__comm_job)(rt_comm *c, void *arg);

/* Starts the thread, which calls open(arg) at once. `abort` is the communicator's abort flag. */
rt_status rt__commthread_start(rt__comm_open open, void *arg, const atomic_int *abort,
                               rt__commthread **out);
/* Waits until the communicator exists and returns its rank and world size. Fails if `open` failed, with its error. */
rt_status rt__commthread_ready(rt__commthread *t, int *rank, int *world);
/* Hands a job to the thread. `arg` must live until the matching wait. */
void rt__commthread_post(rt__commthread *t, rt__comm_job job, void *arg);
rt_status rt__commthread_wait(rt__commthread *t);
/* Posts and waits. */
rt_status rt__commthread_run(rt__commthread *t, rt__comm_job job, void *arg);
/* Returns whether the communicator is still being opened, or a job runs: whether ready or wait would wait. */
bool rt__commthread_busy(rt__commthread *t);
/* Returns whether the communicator is waiting for another rank, and for which. May be called from any thread until
 * rt__commthread_end. */
bool rt__commthread_waiting(rt__commthread *t, rt_comm_wait *out);
/* Frees the communicator (with MPI this waits for the other ranks) and joins the thread. `t` may be NULL.
 */
void rt__commthread_end(rt__commthread *t);

#endif
