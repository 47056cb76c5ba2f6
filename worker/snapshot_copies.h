/* Copies of snapshots on other hosts, so that the loss of a host is survived from memory.
 *
 *     rt__copies_args a = {comm, rank, world, host, "/dev/shm", &about, owned, keep_free, snapshot};
 *     RT_TRY(rt__copies_start(&a, &copies));           // collective
 *     ... a step, rt__snapshot_take(snapshot, 417) ...
 *     RT_TRY(rt__copies_exchange(copies, 417));        // collective
 *     rt__copies_end(copies);
 *
 * Each rank sends what it has taken to one rank of another host, which keeps it as a snapshot of
 * its own, two slots and all, under the name of the one that took it. An exchange costs a step the
 * time to send the bytes of a snapshot; snapshot.every thins them out. If all ranks are on one host
 * nothing is sent. */
#ifndef RINGTORCH_WORKER_SNAPSHOT_COPIES_H
#define RINGTORCH_WORKER_SNAPSHOT_COPIES_H

#include "common/slices.h"
#include "worker/commthread.h"
#include "worker/snapshot.h"

enum { RT__HOST_BYTES = 256 }; /* of a host's name, with its zero */

typedef struct rt__copies_args {
    rt__commthread *comm;
    int rank, world;
    const char *host;               /* where this rank is */
    const char *dir;                /* where snapshots lie */
    const rt_snapshot_about *about; /* of this rank's */
    const rt_range *owned;          /* [world] elements of each rank, with the tail or without */
    double keep_free;               /* as in rt__snapshot_args */
    rt__snapshot *own;              /* NULL: this rank keeps none */
} rt__copies_args;

typedef struct rt__copies rt__copies;

/* Tells all ranks where each one is, and makes the files for those that send to this one. `comm`
 * and `own` are borrowed until the end. Trouble with files is no failure. */
rt_status rt__copies_start(const rt__copies_args *a, rt__copies **out);
/* Sends what this rank took last, which is of `step`, and keeps what others send. Ranks that keep
 * none, or cannot keep others', take part without. */
rt_status rt__copies_exchange(rt__copies *c, int64_t step);
/* Returns why copies that should be here are not kept, "" as far as is known. */
const char *rt__copies_trouble(const rt__copies *c);
void rt__copies_end(rt__copies *c); /* NULL is fine; the files stay */

/* Returns the rank that keeps the copies of a rank: one of the next host in order of ranks, and of
 * its ranks the one that stands where this one stands on its own host. -1: there is one host only. */
int rt__copies_keeper(char (*host)[RT__HOST_BYTES], int world, int rank);

#endif
