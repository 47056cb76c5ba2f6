/* What runs have in shared memory: found, grouped by run, judged alive or dead, removed.
 *
 *     rt__remains l;
 *     RT_TRY(rt__remains_find(NULL, &l));                // /dev/shm, and MPI's in /tmp
 *     for (int64_t i = 0; i < l.count; i++)
 *         if (l.run[i].state == RT__RUN_DEAD)
 *             RT_TRY(rt__remains_remove(&l.run[i]));
 *     rt__remains_release(&l);
 *
 * A run is alive while a launcher or coordinator holds the lock of its run directory, or a worker
 * that of one of its files. What belongs to others, or may belong to a run that cannot be judged
 * from here, is kept. Open MPI's files outside our directories cannot be told from those of other
 * programs: they are not looked at. */
#ifndef RINGTORCH_LAUNCH_REMAINS_H
#define RINGTORCH_LAUNCH_REMAINS_H

#include <stdbool.h>
#include <stdint.h>
#include <ringtorch/status.h>

typedef struct rt__remains_item {
    char *path;
    double bytes;
    bool removed;
} rt__remains_item;

typedef enum rt__run_state {
    RT__RUN_DEAD,
    RT__RUN_ALIVE,
    RT__RUN_KEPT, /* cannot be judged, or is another user's */
} rt__run_state;

typedef struct rt__remains_run {
    char id[64];
    int64_t user; /* whose files they are */
    char *dir;    /* run directory, absolute; NULL: not known */
    rt__run_state state;
    char why[512]; /* it is alive or kept */
    int64_t step;  /* newest that is complete on this host; -1: none */
    int64_t part;  /* newest of which some part is here; -1: none */
    rt__remains_item *item;
    int64_t count;
    double bytes;
    struct rt__remains_facts *facts; /* private to remains.c */
} rt__remains_run;

typedef struct rt__remains {
    rt__remains_run *run;
    int64_t count;
} rt__remains;

/* Looks into /dev/shm, /tmp (for MPI's directories) and `dir` (NULL: no more). */
rt_status rt__remains_find(const char *dir, rt__remains *out);
/* Returns whether it is the run of that run directory, or has that id. */
bool rt__remains_is_of(const rt__remains_run *r, const char *dir_or_id);
/* Removes what a dead run has, holding the lock of its run directory meanwhile. If it turns out to be
 * alive nothing (more) is removed and state says so. Fails, after having tried all, if something
 * cannot be removed. */
rt_status rt__remains_remove(rt__remains_run *r);
void rt__remains_release(rt__remains *l);

#endif
