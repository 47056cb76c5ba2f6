/* The run directory: made, locked, looked at for an earlier run, taken back if nothing came of it.
 *
 *     rt__rundir d;
 *     RT_TRY(rt__rundir_open("runs/x", "never", &d));
 *     ...
 *     rt__rundir_close(&d, refused_before_the_first_step);
 */
#ifndef RINGTORCH_LAUNCH_RUNDIR_H
#define RINGTORCH_LAUNCH_RUNDIR_H

#include <stdbool.h>
#include <ringtorch/status.h>

typedef struct rt__rundir {
    char *path;    /* as given, without what names nothing: "x" for "./x/" */
    bool created;  /* the directory was not there before */
    bool held_run; /* it holds an earlier run's journal */
    int lock_fd;   /* of path/lock, locked; inherited by the coordinator */
    int dir_fd;    /* of the directory itself, whatever it is called by now */
} rt__rundir;

/* Makes the directory if it is missing, and locks it; a predecessor that is ending is waited for, some seconds at most.
 * Who may read it is up to the umask: files in it that are secret have modes of their own. EXISTS: it is a file, another
 * ringtorch works in it, or it holds a run and `resume` is "never"; CONFIG: it cannot be made or used. On failure nothing
 * is left behind. */
rt_status rt__rundir_open(const char *path, const char *resume, rt__rundir *out);
/* Returns whether the directory is where it was, with the run in it. If it was renamed, *moved is its path
 * now (rt_mem_free), else NULL. */
bool rt__rundir_is_there(const rt__rundir *d, char **moved);
/* Unlocks. undo: removes what the run has written, if the directory held no run before, and the
 * directory itself if it was made for it. */
void rt__rundir_close(rt__rundir *d, bool undo);

#endif
