/* Evaluations: which are due, which is the best, and when patience has run out. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_EVALUATIONS_H
#define RINGTORCH_COORDINATOR_MACHINE_EVALUATIONS_H

#include "coordinator/machine/state.h"

/* Will this step be evaluated after it is made? */
bool rt__run_will_evaluate(const rt__run *r, int64_t step);
/* Sets end_step, the run's last step: the configured one, or the one at which patience ran out. If the user chose a state beyond that
 * step, nothing is left to do. */
rt_status rt__run_find_end_step(rt__run *r);
/* Records that patience has run out, if it has and no event says so yet. */
void rt__run_record_early_stop(rt__run *r, double now);
/* Journals how evaluations are compared from here on, if the configuration has changed that. */
rt_status rt__run_record_comparison(rt__run *r);
/* Takes over evaluations of steps up to the start step that the journal does not have, because the previous coordinator died before it
 * could write them: workers leave records of their evaluations, which survive them. */
void rt__run_recover_evaluations(rt__run *r, double now);
/* Fills in a plan's best evaluation before its start, and the step up to which evaluations have been made. */
rt_status rt__run_fill_plan_best(const rt__run *r, rt__plan *plan);

rt__handler rt__run_on_evaluated;

#endif
