/* Shows the progress of reading the newest checkpoint. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_VERIFYING_H
#define RINGTORCH_COORDINATOR_MACHINE_VERIFYING_H

#include "coordinator/machine/state.h"

/* Forgets the progress, once no checkpoint is being read. */
void rt__run_clear_verifying(rt__run *r);

rt__handler rt__run_on_verifying;

#endif
