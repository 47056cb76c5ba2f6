/* Acts on the faults that workers report. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_FAULTS_H
#define RINGTORCH_COORDINATOR_MACHINE_FAULTS_H

#include "coordinator/machine/state.h"

/* Learns from traces where ranks of the previous generation died. Returns false if the same slice crashed too often, and then the run has
 * failed. */
bool rt__run_learn_from_traces(rt__run *r, double now);

rt__handler rt__run_on_fault, rt__run_on_fault_late, rt__run_on_blame_timer;

#endif
