/* One generation's MPI job on this host: starting mpirun, ending it, and reading out of its log who
 * failed.
 *
 *     rt__job job;
 *     RT_TRY(rt__job_start(&job, &(rt__job_spec){.run_dir = d, .world = 4, .generation = 1, ...}));
 *     ... waitpid says that job.pid has ended with `wait_status` ...
 *     rt_msg_exited m;
 *     rt__job_ended(&job, wait_status, &m);       // m.tail belongs to job
 *     rt__job_release(&job);
 *
 * Keys and all else reach the workers through the environment, never through arguments. */
#ifndef RINGTORCH_LAUNCH_JOB_H
#define RINGTORCH_LAUNCH_JOB_H

#include <stdbool.h>
#include <sys/types.h>
#include "common/messages.h"

typedef struct rt__job_spec {
    const char *mpirun, *worker; /* programs */
    const char *run_dir, *endpoint, *run_id, *keys;
    double started; /* wall-clock time when the user typed the command */
    int64_t generation, world, threads;
} rt__job_spec;

typedef struct rt__job {
    pid_t pid; /* 0: none */
    int64_t generation;
    char *run_dir, *log;
    double ending_since; /* > 0: we told it to end then */
    char tail[2000];
} rt__job;

/* Starts mpirun; its own output goes to logs/mpirun.g<generation>.log. */
rt_status rt__job_start(rt__job *job, const rt__job_spec *spec);
/* Asks the job to end: mpirun kills its ranks and cleans up behind them. */
void rt__job_end(rt__job *job);
/* Says how the job ended. rank and signal are those of the first rank that failed by itself, as
 * mpirun tells; if we ended the job nobody did (-1, 0). */
void rt__job_ended(rt__job *job, int wait_status, rt_msg_exited *out);
void rt__job_release(rt__job *job);

/* Reads from mpirun's log which rank failed first; signal 0: it left with *exit_code. False if the
 * log does not say. */
bool rt__job_blame(const char *log, int64_t *rank, int64_t *signal, int64_t *exit_code);

#endif
