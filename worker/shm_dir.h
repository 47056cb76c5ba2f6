/* Gives Open MPI a directory of our own for the memory that it shares among the ranks of a host, so that the remains of
 * a killed run can be found by name.
 *
 *     rt__shm_dir d;
 *     RT_TRY(rt__shm_dir_use(&d, "/dev/shm", run_id, generation, ranks_here));  // before MPI starts
 *     ...
 *     rt__shm_dir_leave(&d);                                                    // after it has ended
 *
 * It is <dir>/ringtorch-<run>-g<generation>-mpi-<tag>, with the tag that the launcher has made for this generation
 * (RINGTORCH_TAG; if that is unset the name has no tag). If <dir> has too little room the directory is made under /tmp:
 * Open MPI maps its files before it fills them, so on a full file system ranks would be killed by SIGBUS at some later
 * moment. All ranks of a host use the directory; each holds a shared lock on it, and the last one to leave removes it. */
#ifndef RINGTORCH_WORKER_SHM_DIR_H
#define RINGTORCH_WORKER_SHM_DIR_H

#include <ringtorch/status.h>
#include <stdint.h>

/* The most that Open MPI 4's shared memory transport (vader) uses per rank, rounded up. A segment has 4 MiB; two ranks
 * that exchange a lot fill about 80 KB of it. */
enum { RT__SHM_BYTES_PER_RANK = 5 << 20 };

typedef struct rt__shm_dir {
    char *path;
    int fd; /* holds the lock */
} rt__shm_dir;

/* Makes the directory (mode 0700) or finds the one that another rank has made, and points Open MPI to it through this
 * process's environment. `ranks` is the number of ranks on this host. Fails if neither place can be used, with the
 * reason for the second; MPI then uses its default place. */
rt_status rt__shm_dir_use(rt__shm_dir *d, const char *dir, const char *run_id, int64_t generation,
                          int64_t ranks);
/* Releases the lock, and removes the directory if it is empty. A zeroed struct is allowed. */
void rt__shm_dir_leave(rt__shm_dir *d);
/* Does the same for a rank whose job ends without MPI: removes the directory with all that is in it. What other ranks of this
 * host have mapped stays mapped. On hosts other than the launcher's nobody else would remove it. */
void rt__shm_dir_discard(rt__shm_dir *d);

#endif
