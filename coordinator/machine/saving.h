/* Commits or abandons the checkpoints that workers write. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_SAVING_H
#define RINGTORCH_COORDINATOR_MACHINE_SAVING_H

#include "coordinator/machine/state.h"

/* Commits complete checkpoints on whose parameters all ranks agree. */
void rt__run_commit_agreed(rt__run *r);
/* Closes checkpoints that turn out to be committed already, by a coordinator that died before it could send COMMITTED. */
void rt__run_close_committed(rt__run *r);
/* Abandons a checkpoint, and informs workers and tools. */
void rt__run_abort_checkpoint(rt__run *r, double now, int64_t step, const char *reason);
/* Abandons all checkpoints except those being committed, because the generation that writes them has ended. */
void rt__run_discard_checkpoints(rt__run *r, double now, const char *reason);

#endif
