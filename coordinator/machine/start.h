/* Starts a generation, or adopts that of a previous coordinator: from LAUNCHER to START_GENERATION. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_START_H
#define RINGTORCH_COORDINATOR_MACHINE_START_H

#include "coordinator/machine/state.h"

/* Leaves BOOT or ADOPT if the launcher has called and the hosts are known. */
void rt__run_begin_if_ready(rt__run *r, double now);
/* Looks for the newest checkpoint for the next generation. `again`: a generation has been started before. */
void rt__run_recover(rt__run *r, double now, bool again);
/* Takes over the result of the search. Returns false if no checkpoint can be used, and then the run has failed. */
bool rt__run_set_fallback(rt__run *r, double now, const rt__event *e);
/* Starts the next generation if the pause is over and a host has room for it. */
void rt__run_try_start_next(rt__run *r, double now);
/* Journals that the generation's last process has ended. */
void rt__run_record_exit(rt__run *r);

rt__handler rt__run_on_launcher, rt__run_on_alive, rt__run_adopt, rt__run_on_recovered,
    rt__run_on_unverified, rt__run_on_unknown_job, rt__run_on_backoff_timer;

#endif
