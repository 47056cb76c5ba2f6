/* The length of a run and of its learning rate schedule. */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_LENGTH_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_LENGTH_H

#include "common/config/config_struct.h"
#include <ringtorch/status.h>

/* Computes how many steps the run makes over a training set of `samples` samples: run.steps, or if that is 0 as many as
 * show it every sample run.epochs times. Fails with CONFIG if that overflows. */
rt_status rt_config_steps(const rt_config *cfg, int64_t samples, int64_t *steps);
/* Returns whether the rate depends on the schedule's length (schedule.steps), as a cosine's does. */
bool rt_config_schedule_ends(const rt_config *cfg);
/* Returns the step after which a cosine schedule has ended, in a run of `steps` steps. */
int64_t rt_config_cosine_steps(const rt_config *cfg, int64_t steps);

#endif
