/* Runs one job after another on the coordinator's orders (START_GENERATION, END_GENERATION) and answers each with
 * EXITED. A restarted coordinator may send orders twice or too late, so each job is started only once, and only one
 * job runs at a time.
 *
 *     rt__generations g;
 *     rt__generations_init(&g, &(rt__generations_spec){.jobs = &jobs, ...});
 *     rt__generations_start(&g, &frame.body.start_generation);
 *     ... poll rt__job_fd(&g.job); in each turn of the loop:
 *     rt__generations_tend(&g);
 *     ... waitpid says that `pid` has ended: rt__generations_reaped(&g, pid, wait_status);
 *     rt__generations_release(&g);
 */
#ifndef RINGTORCH_LAUNCH_RUN_GENERATIONS_H
#define RINGTORCH_LAUNCH_RUN_GENERATIONS_H

#include "common/control/wire.h"
#include "launch/jobs/job.h"
#include "launch/jobs/probe.h"

/* All borrowed. */
typedef struct rt__generations_spec {
    const rt__jobs *jobs;
    const char *worker, *run_dir, *snapshot_dir, *endpoint, *addresses, *run_id, *keys;
    int64_t threads;
    rt_wire *wire;
    /* Children of ours that are not part of the job: rt__generations_tend must not kill them. */
    const pid_t *coordinator;
    const rt__probes *probes;
    rt__why_killed *why_killed;
} rt__generations_spec;

typedef struct rt__generations {
    rt__generations_spec spec;
    rt__job job;
    bool any; /* a job was started */
    /* START_GENERATION that waits until the current job is gone; job_generation 0: none */
    rt_msg_body next;
    rt_msg_body last; /* the last EXITED sent; job_generation 0: none */
    bool swept;       /* the job is gone, and we have killed the processes it left */
    int stillborn;    /* jobs in a row that crashed before they had a rank */
    bool ended;       /* no further job may start */
} rt__generations;

void rt__generations_init(rt__generations *g, const rt__generations_spec *spec);
/* Starts a job. If another one is alive, ends that one first. */
void rt__generations_start(rt__generations *g, const rt_msg_start_generation *m);
/* Ends the job if it belongs to that generation. */
void rt__generations_end_one(rt__generations *g, int64_t generation);
/* Ends the job and starts no further one. */
void rt__generations_end_all(rt__generations *g);
/* Records the end of a child process. Returns false if the child is not part of the job. */
bool rt__generations_reaped(rt__generations *g, pid_t pid, int wait_status);
/* Advances the job's life: call it in each turn of the loop, at the latest after rt__generations_patience seconds. */
void rt__generations_tend(rt__generations *g);
double rt__generations_patience(const rt__generations *g);
/* Returns the generation of the job that is alive, or whose EXITED has not been sent yet; 0: none. */
int64_t rt__generations_alive(const rt__generations *g);
/* Sends the EXITED of the last ended job again. */
void rt__generations_resend_exited(rt__generations *g);
void rt__generations_release(rt__generations *g);

#endif
