/* A directory of our own for the memory that Open MPI shares among the ranks of a host, so that
 * what a killed run leaves behind can be found by its name.
 *
 *     rt__shm_dir d;
 *     RT_TRY(rt__shm_dir_use(&d, "/dev/shm", run_id, generation, ranks_here));  // before MPI starts
 *     ...
 *     rt__shm_dir_leave(&d);                                                    // after it has ended
 *
 * It is <dir>/ringtorch-<run>-g<generation>-mpi-<tag>, with the tag that the launcher has made for this generation
 * (RINGTORCH_TAG; without one there is none), or the same under /tmp where <dir> has too little
 * room: Open MPI maps its files before it fills them, so on a full file system ranks would be
 * killed (SIGBUS) at some later moment. All ranks of a host do this; each holds a shared lock on the
 * directory, and the last one to leave removes it. */
#ifndef RINGTORCH_WORKER_SHM_DIR_H
#define RINGTORCH_WORKER_SHM_DIR_H

#include <stdint.h>
#include <ringtorch/status.h>

/* The most that Open MPI 4's shared memory transport (vader) uses for a rank, rounded up: a segment
 * of 4 MiB, of which two ranks that talk a lot have filled some 80 KB. */
enum { RT__SHM_BYTES_PER_RANK = 5 << 20 };

typedef struct rt__shm_dir {
    char *path;
    int fd; /* holds the lock */
} rt__shm_dir;

/* Makes the directory (mode 0700) or finds the one that another rank has made, and points Open MPI
 * to it through this process's environment. ranks: how many this host has. Fails if neither place
 * can be used, with the reason for the last one; MPI then uses the place it always does. */
rt_status rt__shm_dir_use(rt__shm_dir *d, const char *dir, const char *run_id, int64_t generation,
                          int64_t ranks);
/* Lets go, and removes the directory if nothing is left in it. A zeroed one is fine. */
void rt__shm_dir_leave(rt__shm_dir *d);

#endif
