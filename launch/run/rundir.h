/* The run directory: creates and locks it, refuses one that holds another run, and removes it again if the run was
 * refused before its first step.
 *
 *     rt__rundir d;
 *     RT_TRY(rt__rundir_open("runs/x", "never", &d));
 *     ...
 *     rt__rundir_close(&d, refused_before_the_first_step);
 */
#ifndef RINGTORCH_LAUNCH_RUN_RUNDIR_H
#define RINGTORCH_LAUNCH_RUN_RUNDIR_H

#include <ringtorch/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rt__rundir {
    char *path;      /* as given, simplified: "x" for "./x/" */
    bool created;    /* we created the directory */
    size_t there;    /* bytes of the path that existed before then */
    bool held_run;   /* it held an earlier run's journal when we opened it */
    uint32_t before; /* which of rt_run_files it held then, a bit each */
    int lock_fd;     /* of path/lock, locked; inherited by the coordinator */
    int dir_fd;      /* of the directory itself, which follows it if it is renamed */
} rt__rundir;

/* Creates the directory if it is missing, and locks it. If a predecessor still holds the lock but is ending, waits a few
 * seconds for it. The umask decides who may read the directory; secret files in it have modes of their own. Fails with
 * EXISTS if the path is a file, another ringtorch works in it, or it holds a run, or what is left of one, and `resume` is
 * "never"; with CONFIG if it cannot be created or used, or lies among the files of another run (in its checkpoints). A
 * failure leaves nothing behind. */
rt_status rt__rundir_open(const char *path, const char *resume, rt__rundir *out);
/* Returns whether the directory is still at its path and still holds the run. If it was renamed, *moved is its new path
 * (rt_mem_free), else NULL. */
bool rt__rundir_is_there(const rt__rundir *d, char **moved);
/* Unlocks. With `undo`, also removes the files that the run has made, unless the directory held a run before, and removes the
 * directory itself if we created it, with the folders above it that we created and that are empty. */
void rt__rundir_close(rt__rundir *d, bool undo);

#endif
