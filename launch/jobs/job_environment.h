/* The environment variables of workers, which all back ends set.
 *
 *     rt__environment e = {0};
 *     rt__job_environment(spec, &e);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_JOB_ENVIRONMENT_H
#define RINGTORCH_LAUNCH_JOBS_JOB_ENVIRONMENT_H

#include "launch/jobs/job.h"

/* Adds the variables that every worker needs. What starts a rank gives it its numbers, in variables that
 * common/base/rank_variables.h lists. */
void rt__job_environment(const rt__job_spec *spec, rt__environment *e);

#endif
