/* Steps that were skipped because their loss or gradient was not finite. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_SKIPPED_H
#define RINGTORCH_COORDINATOR_MACHINE_SKIPPED_H

#include "coordinator/machine/state.h"

/* Fails a run that has made all its steps if its last loss is not finite. */
void rt__run_fail_if_not_finite(rt__run *r, double now);

rt__handler rt__run_on_skipped;

#endif
