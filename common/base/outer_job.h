/* Finds out whether this program was itself started inside a job, as one of several processes by mpirun or srun.
 *
 *     rt_outer_job job;
 *     if (rt_outer_job_find(&job) && job.size > 1)
 *         refuse("started by %s as process %d of %d", job.by, job.rank, job.size);
 *
 * Ranks that `ringtorch train` has started are part of such a job, too; RINGTORCH_ENDPOINT in their environment tells
 * them apart. */
#ifndef RINGTORCH_COMMON_BASE_OUTER_JOB_H
#define RINGTORCH_COMMON_BASE_OUTER_JOB_H

#include <stdbool.h>
#include <stdint.h>

typedef struct rt_outer_job {
    const char *by; /* "mpirun", "srun" */
    int64_t rank, size;
    int64_t hosts; /* on which they run; 0: unknown */
    bool pmix; /* MPI finds the other processes, whose number is known: there is a PMIx server */
} rt_outer_job;

/* Returns false if no job launcher started this process. */
bool rt_outer_job_find(rt_outer_job *out);

/* Returns whether a descriptor is a terminal that somebody looks at. Open MPI and `srun --unbuffered` give each process a pty and copy what
 * comes out of it to their own output, which may be a file. What `srun --pty` gives is a terminal. */
bool rt_outer_job_terminal(int fd);

#endif
