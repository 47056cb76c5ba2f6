/* Supervises a run: starts its coordinator and one job after another, and handles signals and messages.
 *
 *     rt__run_spec spec = {.cfg = &cfg, .rundir = &dir, .jobs = &jobs, ...};
 *     rt__outcome end = rt__supervise(&spec);
 *
 * The launcher owns the processes but makes no decisions: it starts and ends jobs on the coordinator's orders
 * (generations.h), and restarts a coordinator that dies (coordinator_process.h). */
#ifndef RINGTORCH_LAUNCH_RUN_SUPERVISE_H
#define RINGTORCH_LAUNCH_RUN_SUPERVISE_H

#include "launch/run/run_spec.h"

/* Supervises the run to its end. When this returns, every process that it started is gone. */
rt__outcome rt__supervise(const rt__run_spec *spec);

#endif
