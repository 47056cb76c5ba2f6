/* Finds what runs have in shared memory and their control files, groups it by run, judges whether each run is alive or dead, and removes what dead
 * ones left.
 *
 *     rt__remains l;
 *     RT_TRY(rt__remains_find(NULL, &l));                // /dev/shm, and MPI's in /tmp
 *     for (int64_t i = 0; i < l.count; i++)
 *         if (l.run[i].state == RT__RUN_DEAD)
 *             RT_TRY(rt__remains_remove(&l.run[i]));
 *     rt__remains_release(&l);
 *
 * docs/REMAINS.md is the manual: which files there are, which ones each kind of death leaves, and who removes them.
 *
 * A run is alive while a launcher or coordinator holds the lock of its run directory, or a worker holds the lock of one of
 * its files. We keep what belongs to other users, and what may belong to a run that cannot be judged from here. We ignore
 * Open MPI's files outside our directories: they cannot be told from those of other programs. */
#ifndef RINGTORCH_LAUNCH_REMAINS_REMAINS_H
#define RINGTORCH_LAUNCH_REMAINS_REMAINS_H

#include <ringtorch/status.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct rt__remains_item {
    char *path;
    char *unusable; /* why this snapshot cannot be used; NULL: it can be, or is no snapshot */
    bool control;   /* it is control.json in the run directory */
    double bytes;
    bool removed;
} rt__remains_item;

typedef enum rt__run_state {
    RT__RUN_DEAD,
    RT__RUN_ALIVE,
    RT__RUN_KEPT, /* cannot be judged, or belongs to another user */
} rt__run_state;

typedef struct rt__remains_run {
    char id[64];
    int64_t user; /* the owner of the files */
    char *dir;    /* absolute path of the run directory; NULL: unknown */
    rt__run_state state;
    char why[512]; /* why the run counts as alive or is kept */
    int64_t step;  /* newest step that is complete on this host; -1: none */
    int64_t part;  /* newest step of which some part is here; -1: none */
    rt__remains_item *item;
    int64_t count;
    double bytes;
    struct rt__remains_facts *facts; /* private to remains.c */
} rt__remains_run;

typedef struct rt__remains {
    rt__remains_run *run;
    int64_t count;
} rt__remains;

/* Searches /dev/shm, /tmp (for MPI's directories) and `dir` (may be NULL), and the run directories that snapshots name. */
rt_status rt__remains_find(const char *dir, rt__remains *out);
/* Returns the newest step of which `where` holds a whole state of the run in run_dir; -1 if there is none. */
int64_t rt__remains_newest(const char *where, const char *run_dir);
/* Adds the run whose control file is in that run directory, or the directory to the run, if nothing else that it has left names it. */
rt_status rt__remains_add(rt__remains *l, const char *run_dir);
/* Returns whether the run has that run directory or that id. */
bool rt__remains_is_of(const rt__remains_run *r, const char *dir_or_id);
/* Removes a dead run's files, and its control file if that is still its own, while holding the lock of its run directory. If the run turns out to be alive, stops removing
 * and sets `state`. If a file cannot be removed, tries the others first, then fails. */
rt_status rt__remains_remove(rt__remains_run *r);
void rt__remains_release(rt__remains *l);

#endif
