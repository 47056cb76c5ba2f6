/* Timeouts: of the ranks of a generation that is gathered, and of the end of a job. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_LATE_H
#define RINGTORCH_COORDINATOR_MACHINE_LATE_H

#include "coordinator/machine/state.h"

rt__handler rt__run_on_gather_timer, rt__run_on_leave_timer, rt__run_on_end_timer;

#endif
