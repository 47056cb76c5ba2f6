/* Changes the set of workers: a tool scales the run, a worker leaves, hosts come and go. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_RESHAPE_H
#define RINGTORCH_COORDINATOR_MACHINE_RESHAPE_H

#include "coordinator/machine/state.h"

/* Ends the generation after the step in flight, so that the next one starts from there with other workers. If no generation makes steps, the
 * next one will have the right workers anyway. */
void rt__run_reshape(rt__run *r, double now, const char *why);
/* Asks the launcher whether a host can be reached; until it answers, the host gets no workers. */
void rt__run_probe(rt__run *r, rt__host *host);

rt__handler rt__run_on_scale, rt__run_on_leave, rt__run_on_hosts, rt__run_on_probed,
    rt__run_on_hosts_timer;

#endif
