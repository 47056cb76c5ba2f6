/* From a generation's last step to the end of its job: ranks finish, their checkpoints are committed, and they are told to leave. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_DRAIN_H
#define RINGTORCH_COORDINATOR_MACHINE_DRAIN_H

#include "coordinator/machine/state.h"

/* Tells a worker that has finished to leave, and to forget its snapshots if nobody needs them any more. */
void rt__run_send_completion(rt__run *r, const char *peer);
/* Tells the workers to leave if every rank has finished and no checkpoint is open. */
void rt__run_finish_drain(rt__run *r, double now);
/* If every rank has finished, closes the checkpoints that are still open, then tells the workers to leave. */
void rt__run_complete_if_finished(rt__run *r, double now);

rt__handler rt__run_on_piece_done, rt__run_on_piece_failed, rt__run_on_committed,
    rt__run_on_finished_early, rt__run_on_finished;

#endif
