/* Requests to the generation that makes steps: a checkpoint, and what was requested while none made steps. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_ORDERS_H
#define RINGTORCH_COORDINATOR_MACHINE_ORDERS_H

#include "coordinator/machine/state.h"

/* Sends rank 0 the requests that came while no generation made steps: to stop, to save, or to make way for another generation. */
void rt__run_send_pending_orders(rt__run *r, double now);

rt__handler rt__run_on_checkpoint_now;

#endif
