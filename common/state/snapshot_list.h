/* The files that runs keep in shared memory (common/state/snapshot_name.h): whose they are, how they are listed and
 * removed. Files of another user are never opened, used or removed, whatever their name.
 *
 *     rt_snapshot_list l;
 *     RT_TRY(rt_snapshot_list_read("/dev/shm", NULL, &l));             // of all runs
 *     for (int64_t i = 0; i < l.count; i++)
 *         if (!l.item[i].in_use)
 *             RT_TRY(rt_snapshot_remove(l.item[i].path, &in_use));
 *     rt_snapshot_list_release(&l);
 *
 * A process that uses one of these holds a shared lock (flock) on it; mpirun inherits its lock from the launcher. */
#ifndef RINGTORCH_COMMON_STATE_SNAPSHOT_LIST_H
#define RINGTORCH_COMMON_STATE_SNAPSHOT_LIST_H

#include "common/state/snapshot_header.h"
#include "common/state/snapshot_name.h"
#include <stdbool.h>

/* Returns the path of the file or directory of that name, with any tag, that belongs to us and not to a copy of the run
 * directory (rt_mem_free). Returns NULL and NOTFOUND if there is none. run_dir: absolute; NULL accepts any. */
char *rt_snapshot_find(const char *dir, const rt_snapshot_name *name, const char *run_dir);
/* Returns whether a path exists and belongs to the user we run as. */
bool rt_snapshot_is_ours(const char *path);

/* Who a snapshot belongs to. A run directory that was copied has the run id of the original, so the id does not tell; the
 * run directory that the snapshot names does. If that no longer exists it was renamed or removed, and the snapshot is the
 * ORPHAN of whoever has the run now, unless a process holds its lock. */
typedef enum rt_snapshot_owner {
    RT_SNAPSHOT_OURS,
    RT_SNAPSHOT_OTHERS,
    RT_SNAPSHOT_ORPHAN,
} rt_snapshot_owner;

/* Judges a snapshot that names the run directory `named` as the run in `run_dir` sees it; both absolute. */
rt_snapshot_owner rt_snapshot_owner_of(const char *named, const char *run_dir);
/* Returns whether the run in run_dir may remove a file or directory that has its run id: a snapshot by the directory it
 * names; what names none (MPI's, mpirun's, a damaged snapshot) if no process holds its lock. */
bool rt_snapshot_may_remove(const char *path, const char *run_dir);

typedef struct rt_snapshot_entry {
    char *path;
    rt_snapshot_name name;
    bool foreign;     /* it belongs to another user, so it was not opened */
    bool in_use;      /* a process holds its lock */
    rt_status status; /* of opening it; RT_OK for MPI and mpirun */
    char *reason;     /* why it cannot be used; "" if it can */
    /* the snapshot's header, closed again; NULL for MPI and mpirun, and unless status is RT_OK */
    rt_snapshot *snapshot;
} rt_snapshot_entry;

typedef struct rt_snapshot_list {
    rt_snapshot_entry *item;
    int64_t count;
} rt_snapshot_list;

/* Lists the entries in `dir` of one run (NULL for all runs), sorted by run, generation and rank. A missing directory
 * counts as empty. Entries that cannot be used are listed with the reason. On failure *out is empty. */
rt_status rt_snapshot_list_read(const char *dir, const char *run, rt_snapshot_list *out);
void rt_snapshot_list_release(rt_snapshot_list *l);

/* Returns whether a process holds the lock of a file or directory. */
bool rt_snapshot_in_use(const char *path);
/* Removes a file or directory unless it is in use, and then sets *in_use. Succeeds if it is already gone. */
rt_status rt_snapshot_remove(const char *path, bool *in_use);
/* Removes everything that the run in run_dir keeps of generations < before in `dir`, as far as rt_snapshot_may_remove
 * allows it. Removes its snapshots even if they are in use: the workers of those generations have been cut off, or the
 * run has ended. Leaves an MPI directory in use to the last of its users. If something cannot be removed, removes the
 * rest and then fails. */
rt_status rt_snapshot_forget(const char *dir, const char *run, const char *run_dir, int64_t before);

#endif
