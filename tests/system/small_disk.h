/* File systems of a test's own, small enough to be filled, which nobody else on the machine sees.
 *
 *     if (!own_mounts() || !mount_small(folder, "8m"))
 *         skip();                                  // needs root
 *     fill_start(folder, 256 << 10);               // from now on at most 256 KiB are free there
 *     ...
 *     fill_stop();                                 // the room is back
 *     unmount(folder);
 */
#ifndef RINGTORCH_TESTS_SYSTEM_SMALL_DISK_H
#define RINGTORCH_TESTS_SYSTEM_SMALL_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Gives this process, and what it starts from now on, mounts of its own: what is mounted afterwards
 * is not seen by the machine. False: it may not. */
bool own_mounts(void);
/* Mounts an empty file system in memory over a folder; size as "8m". Only after own_mounts. */
bool mount_small(const char *folder, const char *size);
/* The same, but nobody can write to it, not even root. */
bool mount_read_only(const char *folder);
void unmount(const char *folder);

/* Starts a process that takes all room there is, also what others free meanwhile; one at a time. Returns once no more
 * than `leave` bytes are free in that folder. Never to be used on a file system of the machine. */
void fill_start(const char *folder, int64_t leave);
/* Without one under way it does nothing. */
void fill_stop(void);

/* Undoes all of the above that a test which failed has left. */
void small_disk_end(void);

#endif
