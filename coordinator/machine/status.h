/* The status that tools show. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_STATUS_H
#define RINGTORCH_COORDINATOR_MACHINE_STATUS_H

#include "coordinator/machine/state.h"

rt__handler rt__run_on_status;

#endif
