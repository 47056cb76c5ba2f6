/* The hosts that a batch system has given to this job: Slurm, PBS (Torque, OpenPBS), Grid Engine, LSF or OAR.
 *
 *     rt__host_list h;
 *     RT_TRY(rt__allocation_find(cfg.parallel.threads, &h));
 *     if (h.count > 0) printf("%s: %d hosts\n", h.from, (int)h.count);    // Slurm's allocation (job 77): 2 hosts
 *
 * A slot is a task that the user has asked for. If a job of Slurm was given whole nodes without a number of tasks, a slot is
 * as many CPUs as a worker has threads. The other systems list their slots. */
#ifndef RINGTORCH_LAUNCH_JOBS_ALLOCATION_H
#define RINGTORCH_LAUNCH_JOBS_ALLOCATION_H

#include "common/base/text.h"
#include "launch/jobs/hosts.h"

/* Returns the hosts of the allocation, in its order. The list is empty if there is no allocation or it is this host alone,
 * where a run may have any number of workers; `tasks` and `from` hold even then. A file of hosts that cannot be read is
 * reported on standard error and ignored, because a container may not show it. Fails with CONFIG or RANGE, naming the
 * variable, if its value makes no sense. */
rt_status rt__allocation_find(int64_t threads, rt__host_list *out);
/* Returns whether Slurm has started this program in one of its jobs. */
bool rt__allocation_is_slurm(void);
/* Returns how to ask the batch system of that allocation for so many slots, "sbatch -n 8". */
const char *rt__allocation_advice(int64_t slots, char text[128]);
/* Adds how a run does without these hosts ("n1,n2") of that allocation, "ask for a job without them: sbatch --exclude=n1,n2". */
void rt__allocation_leave_out(const char *names, rt_text *text);

#endif
