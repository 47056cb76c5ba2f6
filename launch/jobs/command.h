/* Job back ends that plugins describe: a command of their words starts the ranks (ringtorch/job.h).
 *
 *     RT_TRY(rt__jobs_register_plugins());                    // job.h: after the configuration was loaded
 *     RT_TRY(rt__jobs_open("slurm", &jobs));
 */
#ifndef RINGTORCH_LAUNCH_JOBS_COMMAND_H
#define RINGTORCH_LAUNCH_JOBS_COMMAND_H

#include "common/config/job_rows.h"
#include "launch/jobs/job.h"

/* Returns the back end of row i of rt__job_rows(), the same each time. */
const rt__job_backend *rt__command_backend(int i);

/* command_line.c */
enum { RT__COMMAND_SHOWN = 200 };
/* Appends the words of the row's command, without the worker's program, to `out`, whose environment must hold the variables
 * that {variables} is to name. An empty list of hosts means this one. */
rt_status rt__command_fill(const rt__job_row *row, const rt__host_list *hosts, int64_t world,
                           int64_t threads, rt__command *out);
/* Adds what a batch system has set, which other programs that we start are not given: the command may need it to find its
 * allocation. Leaves out the variables in which ranks find their numbers, since the command must set them itself. */
void rt__command_add_surroundings(const rt__job_row *row, rt__environment *e);
/* Writes a command as one would type it, for people; a long one ends in "...". */
void rt__command_show(const rt__command *c, char text[RT__COMMAND_SHOWN]);

#endif
