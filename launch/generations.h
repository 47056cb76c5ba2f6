/* One MPI job after another, as the coordinator orders them: START_GENERATION, END_GENERATION, and
 * EXITED in return. Orders may come twice, and out of date, from a coordinator that has been started
 * again: each job is started once, and there is one at a time.
 *
 *     rt__generations g;
 *     rt__generations_init(&g, &(rt__generations_spec){.mpirun = "/usr/bin/mpirun", ...});
 *     rt__generations_start(&g, &frame.body.start_generation);
 *     ... poll rt__ranks_fd(&g.job.ranks); in each turn of the loop:
 *     rt__generations_tend(&g);
 *     ... waitpid says that `pid` has ended: rt__generations_reaped(&g, pid, wait_status);
 *     rt__generations_release(&g);
 */
#ifndef RINGTORCH_LAUNCH_GENERATIONS_H
#define RINGTORCH_LAUNCH_GENERATIONS_H

#include "common/wire.h"
#include "launch/job.h"
#include "launch/probe.h"

/* All borrowed. */
typedef struct rt__generations_spec {
    const char *mpirun, *worker, *run_dir, *snapshot_dir, *endpoint, *run_id, *keys;
    int64_t threads;
    rt_wire *wire;
    const pid_t *coordinator; /* these are our children, too, but not the job's */
    const rt__probes *probes;
    rt__why_killed *why_killed;
} rt__generations_spec;

typedef struct rt__generations {
    rt__generations_spec spec;
    rt__job job;
    bool any; /* a job was started */
    rt_msg_body
        next; /* START_GENERATION that waits for the job to be gone; job_generation 0: none */
    rt_msg_body last;     /* EXITED as told last; job_generation 0: none */
    rt__probes inquest;   /* which of its hosts can no longer be reached */
    bool asking;          /* the job is gone, its EXITED waits for their answers */
    rt_msg_exited exited; /* that one */
    double gone_at;
    int stillborn; /* in a row: jobs whose mpirun crashed before it started a rank */
    bool ended;    /* no job is to be started any more */
} rt__generations;

void rt__generations_init(rt__generations *g, const rt__generations_spec *spec);
/* Starts a job; if another one is alive, ends that one first. */
void rt__generations_start(rt__generations *g, const rt_msg_start_generation *m);
/* Ends the job if it is that generation's. */
void rt__generations_end_one(rt__generations *g, int64_t generation);
/* Ends the job, and starts no other. */
void rt__generations_end(rt__generations *g);
/* Takes the end of a child; false if it is none of the job's. One that is stopped has not ended, and
 * mpirun is told to go on. */
bool rt__generations_reaped(rt__generations *g, pid_t pid, int wait_status);
/* Call it in each turn of the loop, and after so many seconds at the latest. */
void rt__generations_tend(rt__generations *g);
double rt__generations_patience(const rt__generations *g);
/* Returns the generation of the job that is alive, or gone and not yet told of; 0: none. */
int64_t rt__generations_alive(const rt__generations *g);
/* Tells of the last job that has ended, once more. */
void rt__generations_tell_again(rt__generations *g);
void rt__generations_release(rt__generations *g);

#endif
