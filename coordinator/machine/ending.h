/* Concludes the run: decides how it ended, and what is kept. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_ENDING_H
#define RINGTORCH_COORDINATOR_MACHINE_ENDING_H

#include "coordinator/machine/state.h"

/* Concludes the run: finds out how it ended, completes its records, and tells the launcher. The job must have ended. */
void rt__run_end(rt__run *r, double now);

#endif
