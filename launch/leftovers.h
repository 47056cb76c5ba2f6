/* What a run keeps in shared memory and in /tmp of this host, by name:
 *
 *     <snapshot.dir>/ringtorch-<run id>-g<generation>-r<rank>-<tag>   a worker's snapshot
 *     <snapshot.dir>/ringtorch-<run id>-g<generation>-mpi-<tag>       Open MPI's shared memory; in /tmp if
 *                                                                     there is too little room
 *     /tmp/ringtorch-<run id>-g<generation>-orte-<tag>                mpirun's own files, on one host
 *
 *     rt__leftovers_end_generation(cfg->snapshot.dir, run_id, 3);   // its job is gone
 *     rt__leftovers_end_run(cfg->snapshot.dir, run_id);             // nobody will go on with it
 *
 * Only what belongs to our user is touched. Failures are logged: a run does not end worse for them,
 * and `ringtorch clean` finds what is left. */
#ifndef RINGTORCH_LAUNCH_LEFTOVERS_H
#define RINGTORCH_LAUNCH_LEFTOVERS_H

#include <stddef.h>
#include <stdint.h>
#include <ringtorch/status.h>

/* Makes a directory for mpirun's own files (mode 0700), under a name that nobody could have taken, and writes its
 * path. IO: /tmp takes none. */
rt_status rt__leftovers_make_mpirun(const char *run_id, int64_t generation, char *out, size_t size);
/* Removes what Open MPI needed in generations up to that one; snapshots stay. */
void rt__leftovers_end_generation(const char *snapshot_dir, const char *run_id, int64_t generation);
/* Removes everything, snapshots included. */
void rt__leftovers_end_run(const char *snapshot_dir, const char *run_id);

#endif
