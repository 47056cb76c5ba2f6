/* How Slurm's srun is asked to run something on hosts of the job that we are in: beside everything else that runs there,
 * waiting neither for its resources nor for input.
 *
 *     char *options = rt__slurm_options(&hosts, 4);      // "--overlap --quiet ... --nodes=2 --nodelist=n2,n3"
 */
#ifndef RINGTORCH_LAUNCH_JOBS_SLURM_STEP_H
#define RINGTORCH_LAUNCH_JOBS_SLURM_STEP_H

#include "launch/jobs/job.h"

/* Returns options of the step in which srun starts mpirun's daemons, one on each other host that gets some of `world` ranks
 * (rt_mem_free; NULL on failure). */
char *rt__slurm_options(const rt__host_list *hosts, int64_t world);
/* Makes the words of rt__jobs_shell. Fails with NOTFOUND if srun does not work. */
rt_status rt__slurm_shell(char text[RT__SHELL_TEXT], const char *word[RT__SHELL_WORDS], int *count);

#endif
