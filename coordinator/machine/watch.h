/* Names workers that hold up the others (health.h), and abandons the generation if that can help. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_WATCH_H
#define RINGTORCH_COORDINATOR_MACHINE_WATCH_H

#include "coordinator/machine/state.h"

rt__handler rt__run_on_health_timer;

#endif
