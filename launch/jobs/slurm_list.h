/* The two kinds of lists in Slurm's variables.
 *
 *     rt__host_list h = {0};
 *     RT_TRY(rt__slurm_hosts("n[01-03,7],gpu[1-2]-[0-1]", &h));    // n01 n02 n03 n7 gpu1-0 gpu1-1 gpu2-0 gpu2-1
 *     int64_t count[8], n;
 *     RT_TRY(rt__slurm_counts("2(x3),1", count, 8, &n));           // 2 2 2 1
 *
 * Failures are RANGE or CONFIG; the caller says which variable is meant. */
#ifndef RINGTORCH_LAUNCH_JOBS_SLURM_LIST_H
#define RINGTORCH_LAUNCH_JOBS_SLURM_LIST_H

#include "launch/jobs/hosts.h"

/* Adds the hosts of an expression to the list, with one slot each. */
rt_status rt__slurm_hosts(const char *text, rt__host_list *out);
/* Writes the first `room` numbers of a list of counts. Sets *total to how many numbers there are. */
rt_status rt__slurm_counts(const char *text, int64_t *count, int64_t room, int64_t *total);

#endif
