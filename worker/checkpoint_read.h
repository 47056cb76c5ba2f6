/* Finding a checkpoint by the path that a user gives.
 *
 *     rt_saved s;
 *     RT_TRY(rt__saved_find("runs/x", &s));       // its newest checkpoint that can be loaded
 *     rt_saved_close(&s);
 */
#ifndef RINGTORCH_WORKER_CHECKPOINT_READ_H
#define RINGTORCH_WORKER_CHECKPOINT_READ_H

#include "common/saved.h"

/* A watch that lets whoever follows this thread's progress see that it reads on: however slow the disk is, it is not
 * stalled. */
extern const rt_watch rt__saved_moves;

/* Opens a checkpoint: `path` is one (it holds a manifest), or a run directory, whose newest checkpoint that verifies is
 * taken (those that do not are named in the log). NOTFOUND if there is none. */
rt_status rt__saved_find(const char *path, rt_saved *out);
/* NOTFOUND if there is nothing at `path`. */
rt_status rt__saved_check_path(const char *path);

#endif
