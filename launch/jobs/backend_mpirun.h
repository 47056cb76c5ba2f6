/* What the rows of mpirun share: they differ only in how other hosts are reached.
 *
 *     const rt__job_backend rt__backend_slurm = {.name = "slurm", .open = ..., .shell = ..., RT__MPIRUN_ROW};
 */
#ifndef RINGTORCH_LAUNCH_JOBS_BACKEND_MPIRUN_H
#define RINGTORCH_LAUNCH_JOBS_BACKEND_MPIRUN_H

#include "launch/jobs/job.h"

/* The members of rt__job_backend, as launch/jobs/job.h describes them. */
rt_status rt__mpirun_open(rt__jobs *jobs);
void rt__mpirun_close(rt__jobs *jobs);
rt_status rt__mpirun_find_hosts(const rt__jobs *jobs, int64_t threads, rt__host_list *out);
rt_status rt__mpirun_make_command(const rt__jobs *jobs, const rt__host_list *hosts, int64_t world,
                                  int64_t threads, rt__command *out);
bool rt__mpirun_explain(const rt__jobs *jobs, const char *printed, char reason[RT__REASON]);
rt_status rt__mpirun_job_start(rt__job *job, const rt__job_spec *spec);
int rt__mpirun_job_fd(const rt__job *job);
void rt__mpirun_job_watch(rt__job *job);
double rt__mpirun_job_patience(const rt__job *job);
bool rt__mpirun_job_reaped(rt__job *job, pid_t pid, int wait_status);
void rt__mpirun_job_end(rt__job *job);
bool rt__mpirun_job_conclude(rt__job *job, bool now, rt__job_report *out);
void rt__mpirun_job_release(rt__job *job);

#define RT__MPIRUN_ROW                                                                             \
    .can = RT__JOB_AGAIN, .close = rt__mpirun_close, .hosts = rt__mpirun_find_hosts,               \
    .command = rt__mpirun_make_command, .explain = rt__mpirun_explain,                             \
    .start = rt__mpirun_job_start, .fd = rt__mpirun_job_fd, .watch = rt__mpirun_job_watch,         \
    .patience = rt__mpirun_job_patience, .reaped = rt__mpirun_job_reaped,                          \
    .end = rt__mpirun_job_end, .conclude = rt__mpirun_job_conclude,                                \
    .release = rt__mpirun_job_release

#endif
