/* A thread for slow work on disks, so that the coordinator goes on listening meanwhile. Jobs are done one after another,
 * in the order in which they were put.
 *
 *     RT_TRY(rt__desk_open(&desk));
 *     rt__desk_put(desk, (rt__job){work, done, job});      // work(job) on the thread
 *     poll(... rt__desk_fd(desk) ...);
 *     rt__desk_collect(desk);                              // done(job) here, for each that is finished
 *     rt__desk_close(desk);                                // does the remaining jobs first
 */
#ifndef RINGTORCH_COORDINATOR_SHELL_DESK_H
#define RINGTORCH_COORDINATOR_SHELL_DESK_H

#include <ringtorch/status.h>

typedef struct rt__job {
    void (*work)(void *arg); /* on the desk's thread */
    void (*done)(void *arg); /* on the thread that collects; frees arg */
    void *arg;
} rt__job;

typedef struct rt__desk rt__desk;

rt_status rt__desk_open(rt__desk **out);
/* If there is no memory for the entry, the job is done at once on the calling thread. */
void rt__desk_put(rt__desk *d, rt__job job);
/* Returns a descriptor that is readable when there is something to collect. */
int rt__desk_fd(const rt__desk *d);
void rt__desk_collect(rt__desk *d);
/* Waits for all jobs and collects them. `d` may be NULL. */
void rt__desk_close(rt__desk *d);

#endif
