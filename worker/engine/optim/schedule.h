/* The learning rate that a configuration asks for: a pure function of the step, so there is no state to save.
 *
 *     double lr = rt__schedule_lr(cfg, steps, t);
 */
#ifndef RINGTORCH_WORKER_ENGINE_OPTIM_SCHEDULE_H
#define RINGTORCH_WORKER_ENGINE_OPTIM_SCHEDULE_H

#include "common/config/config.h"

/* Returns the rate of step t (0, 1, ...) of a run of `steps` steps. */
double rt__schedule_lr(const rt_config *cfg, int64_t steps, int64_t t);
/* Fails with NOTFOUND if the schedule's plugin is not loaded; called before the first step. */
rt_status rt__schedule_check(const rt_config *cfg);
/* Fails with CONFIG, naming the schedule, unless the rate of step t is finite and not below 0. */
rt_status rt__schedule_check_rate(const rt_config *cfg, int64_t t, double rate);

#endif
