/* Stops the run: after the step in flight, with a checkpoint, or at once. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_STOP_H
#define RINGTORCH_COORDINATOR_MACHINE_STOP_H

#include "coordinator/machine/state.h"

/* Orders the generation to end after the step in flight, with a checkpoint. */
void rt__run_order_stop(rt__run *r);

/* Stops the run after the step in flight, because one of its workers must leave and cannot be replaced. */
void rt__run_stop_for_worker(rt__run *r, double now);

/* unsettled: it is not known yet what can be saved, or the last commit is under way. between: no rank makes steps. */
rt__handler rt__run_on_interrupt_unsettled, rt__run_on_interrupt_between,
    rt__run_on_interrupt_stepping, rt__run_on_interrupt_draining, rt__run_on_stop_run_between,
    rt__run_on_stop_run_stepping, rt__run_on_stop_run_draining, rt__run_on_stop_timer;

#endif
