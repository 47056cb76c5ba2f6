/* What we know of a job that mpirun runs. Private to backend_mpirun.c, backend_slurm.c and
 * mpirun_*.c. */
#ifndef RINGTORCH_LAUNCH_JOBS_MPIRUN_H
#define RINGTORCH_LAUNCH_JOBS_MPIRUN_H

#include "launch/jobs/job.h"
#include "launch/jobs/openmpi.h"
#include "launch/jobs/probe.h"
#include "launch/jobs/ranks.h"

/* rt__jobs.site */
typedef struct rt__mpirun_site {
    char *program;
    const rt__openmpi *mpi;
    bool srun; /* Slurm's srun reaches the other hosts, no remote shell */
} rt__mpirun_site;

/* rt__job.own */
typedef struct rt__mpirun {
    const rt__openmpi *mpi;
    pid_t pid; /* of mpirun; 0: none */
    int64_t generation;
    char *run_dir, *worker, *log;
    double next_log_look;       /* when we check the length of the log again */
    rt__why_killed *why_killed; /* borrowed */
    rt__host_list hosts;        /* empty: only this host */
    rt__ranks ranks;

    rt__rank_end *ends; /* [ranks.expected] room for the ends that one look finds */
    double sign_at;     /* > 0: when we first saw a rank end that we had not ordered to end */
    int64_t *dead;      /* [dead_count] ranks that had ended by themselves by then */
    int64_t dead_count;
    bool certain; /* we know that `first` failed first */
    int64_t first;
    bool status_known; /* first_status is its wait status; if unknown, mpirun's exit status tells */
    int first_status;
    double failing_since; /* > 0: when a rank failed and we began to expect mpirun's end */
    double ordered_at;    /* > 0: when we were ordered to end the job */
    double ending_since;  /* > 0: when we told mpirun to end */
    double busy_then;     /* its processor time when we first expected its end */
    int64_t ended;        /* how many ranks of this host are gone */
    bool killed;          /* we killed mpirun: it did not end, or had nothing left to do */
    int wait_status;      /* of mpirun, once it has ended */

    rt__probes inquest; /* asks, after mpirun's end, which of its hosts can no longer be reached */
    bool judged, asking;
    double gone_at;
    char reason[RT__REASON];
    char lost_host[RT__HOST_NAME];
    bool lost_daemon; /* another host is gone or cannot be reached; lost_host may be unknown */
    rt__job_report report;
} rt__mpirun;

#endif
