/* What runs keep in shared memory: names, listing, removing.
 *
 *     <dir>/ringtorch-<run>-g<generation>-r<rank>-<tag>         a snapshot (common/snapshot_header.h)
 *     <dir>/ringtorch-<run>-g<generation>-r<rank>-copy-<tag>    one of a rank of another host, kept here
 *     <dir>/ringtorch-<run>-g<generation>-mpi-<tag>/            what MPI shares among ranks of a host
 *     /tmp/ringtorch-<run>-g<generation>-orte-<tag>/            what mpirun keeps for itself
 *
 * These directories are open to all users of the machine, who can see the names that are there. Each has a tag of its
 * own, 8 random hex digits, so that nobody can make the next one before we do; what belongs to another user is never
 * opened, used or removed, whatever its name. Names without a tag are read as well.
 *
 *     rt_snapshot_list l;
 *     RT_TRY(rt_snapshot_list_read("/dev/shm", NULL, &l));             // of all runs
 *     for (int64_t i = 0; i < l.count; i++)
 *         if (!l.item[i].in_use)
 *             RT_TRY(rt_snapshot_remove(l.item[i].path, &in_use));
 *     rt_snapshot_list_release(&l);
 *
 * Who uses any of these holds a shared lock (flock) on it; mpirun does not. */
#ifndef RINGTORCH_COMMON_SNAPSHOT_LIST_H
#define RINGTORCH_COMMON_SNAPSHOT_LIST_H

#include <stdbool.h>
#include "common/snapshot_header.h"

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
    char tag[RT_SNAPSHOT_TAG]; /* "": none */
} rt_snapshot_name;

/* Makes a tag. IO: the system has no random numbers. */
rt_status rt_snapshot_tag_make(char tag[RT_SNAPSHOT_TAG]);
bool rt_snapshot_tag_is(const char *text);
/* Takes the last part of a path apart; false if it is none of ours. */
bool rt_snapshot_name_parse(const char *name, rt_snapshot_name *out);
/* Returns the path of that name in `dir` (rt_mem_free; NULL when memory is out). */
char *rt_snapshot_path(const char *dir, const rt_snapshot_name *name);
/* Returns the path of what is there under that name with whatever tag and belongs to us (rt_mem_free). NULL and
 * NOTFOUND if there is nothing. */
char *rt_snapshot_find(const char *dir, const rt_snapshot_name *name);
/* Returns whether a path is there and belongs to the user we run as. */
bool rt_snapshot_is_ours(const char *path);

typedef struct rt_snapshot_entry {
    char *path;
    rt_snapshot_name name;
    bool foreign;     /* it belongs to another user: not looked into */
    bool in_use;      /* somebody holds its lock */
    rt_status status; /* of opening it; RT_OK for MPI and mpirun */
    char *reason;     /* why it cannot be used; "" if it can */
    rt_snapshot
        *snapshot; /* what its header says, no longer open; NULL for these, and unless RT_OK */
} rt_snapshot_entry;

typedef struct rt_snapshot_list {
    rt_snapshot_entry *item;
    int64_t count;
} rt_snapshot_list;

/* Lists what is in `dir` of a run (NULL: of all), by run, generation and rank; a missing directory
 * holds nothing. What is found and cannot be used is in the list with the reason. On failure *out
 * is empty. */
rt_status rt_snapshot_list_read(const char *dir, const char *run, rt_snapshot_list *out);
void rt_snapshot_list_release(rt_snapshot_list *l);

/* Returns whether somebody holds the lock of a file or directory. */
bool rt_snapshot_in_use(const char *path);
/* Removes a file or directory unless somebody uses it, which *in_use tells. One that is gone
 * already is fine. */
rt_status rt_snapshot_remove(const char *path, bool *in_use);
/* Removes all that a run has in `dir` of generations < before. Snapshots go even if they are in use:
 * members of those generations are cut off, or the run has ended. An MPI directory in use is left
 * to the last of its users. What cannot be removed is an error, after the others are gone. */
rt_status rt_snapshot_forget(const char *dir, const char *run, int64_t before);

#endif
