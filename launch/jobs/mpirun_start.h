/* Starts mpirun: its arguments, environment and log. */
#ifndef RINGTORCH_LAUNCH_JOBS_MPIRUN_START_H
#define RINGTORCH_LAUNCH_JOBS_MPIRUN_START_H

#include "launch/jobs/mpirun.h"

/* Prepares m and starts mpirun. rt__mpirun_release must be called even if this fails. */
rt_status rt__mpirun_start(rt__mpirun *m, const rt__mpirun_site *site, const rt__job_spec *spec);
/* Returns the command that starts `world` ranks of any program. An empty list of hosts means this one. */
rt_status rt__mpirun_command(const rt__mpirun_site *site, const rt__host_list *hosts, int64_t world,
                             int64_t threads, rt__command *out);
/* Frees what m holds, but not m. */
void rt__mpirun_release(rt__mpirun *m);

#endif
