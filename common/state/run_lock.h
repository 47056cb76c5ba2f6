/* The lock of a run directory, RUN/lock: the process that holds it (flock) owns the run, and the file names that
 * process.
 *
 *     int fd;
 *     RT_TRY(rt_run_lock_open("runs/x", &fd));
 *     if (!rt_run_lock_take(fd)) {
 *         rt_run_owner owner = rt_run_lock_owner(fd);
 *         printf("owned by %s\n", rt_run_owner_text(&owner, text));   // "pid 417 on host box"
 *     }
 *     close(fd);
 *
 * A process that inherits fd holds the lock, too, so it stays locked until both are gone. The launcher passes it to its
 * coordinator this way. */
#ifndef RINGTORCH_COMMON_STATE_RUN_LOCK_H
#define RINGTORCH_COMMON_STATE_RUN_LOCK_H

#include <ringtorch/status.h>
#include <stdbool.h>
#include <stdint.h>

enum { RT_RUN_OWNER_TEXT = 320 };

typedef struct rt_run_owner {
    int64_t pid; /* that took the lock last; 0 if unknown */
    char host[256];
} rt_run_owner;

/* Opens the lock file of a run directory, creating it if missing. Refuses links and anything that is not a regular
 * file. */
rt_status rt_run_lock_open(const char *dir, int *fd);
/* Takes the lock and writes our pid and host into it; returns false if another process holds it. */
bool rt_run_lock_take(int fd);
/* Returns who took the lock last. */
rt_run_owner rt_run_lock_owner(int fd);
/* Writes "pid 417 on host box", or "its owner is not known" if it is not, and returns out. */
const char *rt_run_owner_text(const rt_run_owner *owner, char out[RT_RUN_OWNER_TEXT]);

/* Returns whether the lock of a run directory is held; false if the directory is gone. */
bool rt_run_lock_is_held(const char *dir);
/* Takes the lock to keep launchers out until close(fd). Returns false if another process holds it. Sets *fd to -1 if
 * there is no such directory or no lock file in it: then nothing runs there. */
bool rt_run_lock_try(const char *dir, int *fd);

#endif
