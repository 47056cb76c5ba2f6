/* The end of a generation's job: the run ends if its work is done, else another generation replaces it. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_EXITS_H
#define RINGTORCH_COORDINATOR_MACHINE_EXITS_H

#include "coordinator/machine/state.h"

/* Handles the end of a job whose work is done: ends the run, or starts the next generation. */
void rt__run_complete_generation(rt__run *r, double now);

rt__handler rt__run_on_exited_adopted, rt__run_on_exited_lost, rt__run_on_exited_abandoned,
    rt__run_on_exited_drained, rt__run_on_exited_ending;

#endif
