/* Steps that were skipped because their loss or gradient was not finite. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_SKIPPED_H
#define RINGTORCH_COORDINATOR_MACHINE_SKIPPED_H

#include "coordinator/machine/state.h"

/* Does a run that has made all its steps fail because its last loss is not finite? Writes the failure. */
bool rt__run_is_last_loss_bad(rt__run *r);

rt__handler rt__run_on_skipped;

#endif
