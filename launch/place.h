/* A run directory as the tools look at it: where it is, and whether somebody works in it.
 *
 *     char *dir;
 *     RT_TRY(rt__place_find("runs/x/logs/coordinator.log", &dir));     // "runs/x"
 *     if (rt__place_is_held(dir)) ...                                // a launcher or coordinator lives
 *     rt_mem_free(dir);
 */
#ifndef RINGTORCH_LAUNCH_PLACE_H
#define RINGTORCH_LAUNCH_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <ringtorch/status.h>

/* Finds the run directory that `path` is or lies in (rt_malloc). NOTFOUND: there is none; ARG: it
 * may not be looked at. */
rt_status rt__place_find(const char *path, char **dir);

/* Returns the path of the newest checkpoint in a run directory, of step `most` at most, whose pieces have the right lengths
 * (rt_malloc), NULL and *step -1 if there is none. Their bytes are not looked at, which may take
 * minutes. */
char *rt__place_checkpoint(const char *dir, int64_t most, int64_t *step);

/* Returns whether the lock of a run directory is held. A directory that is gone is not. */
bool rt__place_is_held(const char *dir);
/* Takes the lock, so that no launcher starts meanwhile; close(fd) gives it back. False: it is held
 * by another. *fd is -1 if there is no such directory or it holds no lock: then nothing runs there. */
bool rt__place_lock(const char *dir, int *fd);

#endif
