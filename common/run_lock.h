/* The lock of a run directory, RUN/lock: who holds it (flock) owns the run, and the file says who that is.
 *
 *     int fd;
 *     RT_TRY(rt_run_lock_open("runs/x", &fd));
 *     if (!rt_run_lock_take(fd)) {
 *         rt_run_owner owner = rt_run_lock_owner(fd);
 *         printf("owned by %s\n", rt_run_owner_text(&owner, text));   // "pid 417 on host box"
 *     }
 *     close(fd);
 *
 * A process that inherits fd holds the lock as well, until both are gone: the launcher hands it on to its
 * coordinator. */
#ifndef RINGTORCH_COMMON_RUN_LOCK_H
#define RINGTORCH_COMMON_RUN_LOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <ringtorch/status.h>

enum { RT_RUN_OWNER_TEXT = 320 };

typedef struct rt_run_owner {
    int64_t pid; /* that took the lock last; 0: not known */
    char host[256];
} rt_run_owner;

/* Opens the lock file of a run directory, and makes it if it is not there. A link is refused, and what is no file. */
rt_status rt_run_lock_open(const char *dir, int *fd);
/* Takes the lock and writes down that it is ours; false: somebody else holds it. */
bool rt_run_lock_take(int fd);
/* Gives who took the lock last. */
rt_run_owner rt_run_lock_owner(int fd);
/* Writes "pid 417 on host box", or "its owner is not known", and returns out. */
const char *rt_run_owner_text(const rt_run_owner *owner, char out[RT_RUN_OWNER_TEXT]);

#endif
