/* Removes what a run keeps in shared memory and in /tmp of this host. The names tell what it is:
 *
 *     <snapshot.dir>/ringtorch-<run id>-g<generation>-r<rank>-<tag>   a worker's snapshot
 *     <snapshot.dir>/ringtorch-<run id>-g<generation>-mpi-<tag>       Open MPI's shared memory; in /tmp if
 *                                                                     snapshot.dir is too small
 *     /tmp/ringtorch-<run id>-g<generation>-orte-<tag>                mpirun's own files, on one host
 *
 *     const rt__left_run run = {run_id, "/abs/runs/x", cfg->snapshot.dir};
 *     rt__leftovers_end_generation(&run, 3);   // its job is gone
 *     rt__leftovers_end_run(&run);             // nobody will resume it
 *
 * Touches only files of our user, and of this run directory: a copy of it has the same run id (rt_snapshot_may_remove). Failures are only logged: they do not make the run fail, and `ringtorch clean` finds
 * what is left. */
#ifndef RINGTORCH_LAUNCH_REMAINS_LEFTOVERS_H
#define RINGTORCH_LAUNCH_REMAINS_LEFTOVERS_H

#include <ringtorch/status.h>
#include <stddef.h>
#include <stdint.h>

/* Creates a directory (mode 0700) for mpirun's own files, under a name that nobody could have taken, and writes its path.
 * Fails with IO if /tmp does not allow it. */
rt_status rt__leftovers_make_mpirun(const char *run_id, int64_t generation, char *out, size_t size);
/* Whose files to remove. */
typedef struct rt__left_run {
    const char *id, *dir; /* dir: the run directory, absolute */
    const char *snapshot_dir;
} rt__left_run;

/* Removes Open MPI's files of all generations up to that one. Snapshots stay. */
void rt__leftovers_end_generation(const rt__left_run *run, int64_t generation);
/* Removes everything, snapshots included. */
void rt__leftovers_end_run(const rt__left_run *run);

#endif
