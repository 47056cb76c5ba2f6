/* One generation's MPI job: starting mpirun, seeing at once when a rank dies, ending what is left,
 * and saying who failed.
 *
 *     rt__job job;
 *     RT_TRY(rt__job_start(&job, &(rt__job_spec){.run_dir = d, .world = 4, .generation = 1, ...}));
 *     ... poll rt__ranks_fd(&job.ranks); in each turn of the loop:
 *     rt__job_watch(&job);
 *     if (rt__job_overdue(&job)) rt__job_kill(&job);
 *     ... waitpid says that job.pid has ended with `wait_status` ...
 *     rt_msg_exited m;
 *     rt__job_ended(&job, wait_status, &m);       // what m points to belongs to job
 *     rt__job_release(&job);
 *
 * Keys and all else reach the workers through the environment, never through arguments. */
#ifndef RINGTORCH_LAUNCH_JOB_H
#define RINGTORCH_LAUNCH_JOB_H

#include <stdbool.h>
#include <sys/types.h>
#include "common/messages.h"
#include "launch/hosts.h"
#include "launch/job_log.h"
#include "launch/ranks.h"
#include "launch/why_killed.h"

typedef struct rt__job_spec {
    const char *mpirun, *worker; /* programs */
    const char *run_dir, *endpoint, *run_id, *keys;
    int64_t generation, world, threads;
    const rt__host_list *hosts; /* where, filled in order; none: here */
    rt__why_killed *why_killed;
} rt__job_spec;

typedef struct rt__job {
    pid_t pid; /* of mpirun; 0: none */
    int64_t generation;
    char *run_dir, *worker, *log;
    double next_log_look;       /* when the length of the log is looked at again */
    rt__why_killed *why_killed; /* borrowed */
    rt__host_list hosts;        /* none: only this one */
    rt__ranks ranks;

    double sign_at; /* > 0: when a rank's end was first seen that nobody had ordered */
    int64_t *dead;  /* [dead_count] ranks that had ended then */
    int64_t dead_count;
    bool certain; /* `first` failed first, and first_status says how */
    int64_t first;
    int first_status;
    double failing_since; /* > 0: the others were killed then, and mpirun is expected to end */
    double ordered_at;    /* > 0: we were told to end it */
    double ending_since;  /* > 0: mpirun was told to end */
    double busy_then;     /* rt__process_busy of mpirun at the first of these two moments */
    bool killed;          /* it did not, and was killed */
    bool stillborn;       /* mpirun crashed before it started a rank */
    char reason[RT__REASON];
    char lost_host[RT__HOST_NAME];
    bool lost_daemon; /* another host is gone or cannot be reached, whichever it is */
} rt__job;

/* Starts mpirun; its own output goes to logs/mpirun.g<generation>.log. */
rt_status rt__job_start(rt__job *job, const rt__job_spec *spec);
/* Sees to the ranks on this host: at the first death that nobody ordered the others are killed. Call
 * it in each turn of the loop. */
void rt__job_watch(rt__job *job);
/* Returns how many seconds from now it should be called at the latest. */
double rt__job_patience(const rt__job *job);
/* Asks the job to end: mpirun kills its ranks and cleans up behind them. */
void rt__job_end(rt__job *job);
/* Returns whether mpirun has not ended though its time for it is over. */
bool rt__job_overdue(const rt__job *job);
/* Kills mpirun, which leaves its ranks to us. */
void rt__job_kill(rt__job *job);
/* Says how the job ended, now that it has. If we ended it nobody failed (rank -1, signal and exit code
 * 0). */
void rt__job_ended(rt__job *job, int wait_status, rt_msg_exited *out);
/* Notes that it was this host that was lost: found out after the end. */
void rt__job_lost_host(rt__job *job, const char *host);
void rt__job_release(rt__job *job);

#endif
