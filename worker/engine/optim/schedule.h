/* The learning rate that a configuration asks for, a pure function of the step, so that there is no state to save.
 *
 *     double lr = rt__schedule_lr(cfg, steps, t);
 */
#ifndef RINGTORCH_ENGINE_OPTIM_SCHEDULE_H
#define RINGTORCH_ENGINE_OPTIM_SCHEDULE_H

#include "common/config.h"

/* Returns the rate of step t (0, 1, ...) of a run of so many steps. */
double rt__schedule_lr(const rt_config *cfg, int64_t steps, int64_t t);

#endif
