/* Gathers a generation and sends it its plan: from HELLO to the first step. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_PLANNING_H
#define RINGTORCH_COORDINATOR_MACHINE_PLANNING_H

#include "coordinator/machine/state.h"

rt__handler rt__run_on_hello, rt__run_on_hello_gathering, rt__run_on_hello_late,
    rt__run_on_recovered_rejoining;

#endif
