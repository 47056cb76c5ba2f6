/* Finds a run's directory and its newest checkpoint, for the commands that look at a run.
 *
 *     char *dir;
 *     RT_TRY(rt__place_find("runs/x/logs/coordinator.log", &dir));     // "runs/x"
 *     if (rt_run_lock_is_held(dir)) ...                                // a launcher or coordinator lives
 *     rt_mem_free(dir);
 */
#ifndef RINGTORCH_LAUNCH_RUN_PLACE_H
#define RINGTORCH_LAUNCH_RUN_PLACE_H

#include <ringtorch/status.h>
#include <stdbool.h>
#include <stdint.h>

/* Finds the run directory that is `path` or contains it (rt_malloc). Fails with NOTFOUND if there is none, with ARG if
 * it cannot be read. */
rt_status rt__place_find(const char *path, char **dir);

/* Returns the path (rt_malloc) of the newest checkpoint in a run directory whose step is at most `most`, whose format this
 * program reads and whose pieces have the right lengths, or NULL and *step -1 if there is none. It does not verify the
 * contents, which may take minutes. */
char *rt__place_checkpoint(const char *dir, int64_t most, int64_t *step);

/* Fails if the run has checkpoints but none that rt__place_checkpoint returns: no coordinator would resume it. The error is
 * the newest checkpoint's: MISMATCH if it has another format version, CORRUPT if it is incomplete. */
rt_status rt__place_check_checkpoints(const char *dir);

#endif
