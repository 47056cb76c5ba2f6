/* The files that runs keep in shared memory: how they are named, listed and removed.
 *
 *     <dir>/ringtorch-<run>-g<generation>-r<rank>-<tag>         a snapshot (common/state/snapshot_header.h)
 *     <dir>/ringtorch-<run>-g<generation>-r<rank>-copy-<tag>    a copy for a rank of another host
 *     <dir>/ringtorch-<run>-g<generation>-mpi-<tag>/            what MPI shares among the ranks of a host
 *     /tmp/ringtorch-<run>-g<generation>-orte-<tag>/            mpirun's own files
 *
 * These directories are open to all users of the machine, who can see the names in them. Each name ends with a tag of 8
 * random hex digits, so that nobody can guess the next one and create it before we do. Files of another user are never
 * opened, used or removed, whatever their name. Names without a tag are accepted, too.
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
#include <stdbool.h>

typedef enum rt_snapshot_what {
    RT_SNAPSHOT_OWN,
    RT_SNAPSHOT_COPY,
    RT_SNAPSHOT_MPI,
    RT_SNAPSHOT_MPIRUN,
} rt_snapshot_what;

enum { RT_SNAPSHOT_TAG = 9 };

typedef struct rt_snapshot_name {
    rt_snapshot_what what;
    char run[64];
    int64_t generation, rank;  /* rank: -1 for MPI and mpirun */
    char tag[RT_SNAPSHOT_TAG]; /* "" if none */
} rt_snapshot_name;

/* Makes a random tag. Fails with IO if the system provides no random numbers. */
rt_status rt_snapshot_tag_make(char tag[RT_SNAPSHOT_TAG]);
bool rt_snapshot_tag_is(const char *text);
/* Parses the last component of a path; returns false if it is not one of our names. */
bool rt_snapshot_name_parse(const char *name, rt_snapshot_name *out);
/* Returns the path of that name in `dir` (rt_mem_free; NULL if memory runs out). */
char *rt_snapshot_path(const char *dir, const rt_snapshot_name *name);
/* Returns the path of the file or directory of that name, with any tag, that belongs to us (rt_mem_free). Returns NULL
 * and NOTFOUND if there is none. */
char *rt_snapshot_find(const char *dir, const rt_snapshot_name *name);
/* Returns whether a path exists and belongs to the user we run as. */
bool rt_snapshot_is_ours(const char *path);

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
/* Removes everything of a run's generations < before in `dir`. Removes snapshots even if they are in use: the workers
 * of those generations have been cut off, or the run has ended. Leaves an MPI directory in use to the last of its
 * users. If something cannot be removed, removes the rest and then fails. */
rt_status rt_snapshot_forget(const char *dir, const char *run, int64_t before);

#endif
