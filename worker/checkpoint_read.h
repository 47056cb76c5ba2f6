/* Finds a checkpoint by the path that a user gives.
 *
 *     rt_saved s;
 *     RT_TRY(rt__saved_find("runs/x", &s));       // its newest checkpoint that can be loaded
 *     rt_saved_close(&s);
 */
#ifndef RINGTORCH_WORKER_CHECKPOINT_READ_H
#define RINGTORCH_WORKER_CHECKPOINT_READ_H

#include "common/state/saved.h"

/* A watch that records progress of this thread while it reads, so that a slow disk is not reported as a stall. */
extern const rt_watch rt__saved_moves;

/* Opens a checkpoint. `path` is a checkpoint (it holds a manifest) or a run directory, of which the newest checkpoint
 * that verifies is opened; those that do not verify are logged. Fails with NOTFOUND if there is none. */
rt_status rt__saved_find(const char *path, rt_saved *out);
/* Fails with NOTFOUND if nothing exists at `path`. */
rt_status rt__saved_check_path(const char *path);

#endif
