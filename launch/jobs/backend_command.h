/* Job back ends that plugins describe: a command of their words starts the ranks (ringtorch/job.h).
 *
 *     RT_TRY(rt__command_backends_register());         // after the configuration was loaded
 *     RT_TRY(rt__jobs_open("slurm", &jobs));
 */
#ifndef RINGTORCH_LAUNCH_JOBS_BACKEND_COMMAND_H
#define RINGTORCH_LAUNCH_JOBS_BACKEND_COMMAND_H

#include <ringtorch/status.h>

/* Registers the back ends that the plugins of the configurations loaded so far describe. Fails with EXISTS, naming plugin
 * and row, if a name is built in. */
rt_status rt__command_backends_register(void);

#endif
