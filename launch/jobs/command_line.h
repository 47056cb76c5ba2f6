/* The words and the environment of the command with which a plugin's job back end starts ranks (ringtorch/job.h).
 *
 *     rt__command c = {0};
 *     rt__job_environment(spec, &c.environment);
 *     RT_TRY(rt__command_fill(row, spec->hosts, spec->world, spec->threads, &c));
 *     rt__command_add_surroundings(row, &c.environment);
 *     c.word[c.count++] = spec->worker;
 *     char text[RT__COMMAND_SHOWN];
 *     rt__command_show(&c, text);                      // "srun -n 4 /opt/ringtorch/bin/ringtorch-worker"
 *     rt__command_release(&c);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_COMMAND_LINE_H
#define RINGTORCH_LAUNCH_JOBS_COMMAND_LINE_H

#include "common/config/job_rows.h"
#include "launch/jobs/job.h"

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
