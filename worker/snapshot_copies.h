/* Copies of snapshots on other hosts, so that a run can recover from the loss of a host without a checkpoint.
 *
 *     rt__copies_args a = {comm, rank, world, host, "/dev/shm", &about, owned, keep_free, snapshot};
 *     RT_TRY(rt__copies_start(&a, &copies));           // collective
 *     ... a step, rt__snapshot_take(snapshot, 417) ...
 *     RT_TRY(rt__copies_exchange(copies, 417));        // collective
 *     rt__copies_end(copies);
 *
 * Each rank sends its snapshot to one rank of another host, which keeps it in a snapshot file of its own, also with two
 * slots, under the name of the rank that sent it. An exchange costs a step the time to send the bytes of a snapshot;
 * snapshot.every makes exchanges rarer. If all ranks are on one host nothing is sent. */
#ifndef RINGTORCH_WORKER_SNAPSHOT_COPIES_H
#define RINGTORCH_WORKER_SNAPSHOT_COPIES_H

#include "common/base/slices.h"
#include "worker/commthread.h"
#include "worker/snapshot.h"

enum { RT__HOST_BYTES = 256 }; /* of a host's name, including the zero */

typedef struct rt__copies_args {
    rt__commthread *comm;
    int rank, world;
    const char *host;               /* of this rank */
    const char *dir;                /* directory of snapshots */
    const rt_snapshot_about *about; /* of this rank's snapshot */
    const rt_range *owned;          /* [world] elements of each rank, with the tail or without */
    double keep_free;               /* as in rt__snapshot_args */
    rt__snapshot *own;              /* NULL if this rank keeps none */
    int64_t files;                  /* as in rt__snapshot_args */
} rt__copies_args;

typedef struct rt__copies rt__copies;

/* Tells all ranks the host of each one, and creates the files for the ranks that send to this one. Borrows `comm` and
 * `own` until the end. Trouble with files is not a failure. */
rt_status rt__copies_start(const rt__copies_args *a, rt__copies **out);
/* Sends this rank's last snapshot, which is of `step`, and keeps what others send. Ranks that have no snapshot or
 * cannot keep copies take part, too, without those. */
rt_status rt__copies_exchange(rt__copies *c, int64_t step);
/* Returns why this rank does not keep the copies that it should, or "" if no reason is known. */
const char *rt__copies_trouble(const rt__copies *c);
void rt__copies_end(rt__copies *c); /* c may be NULL; the files stay */

/* Returns the rank that keeps the copies of a rank: on the next host in order of ranks, the one at the same position as
 * `rank` has on its own host. Returns -1 if there is only one host. */
int rt__copies_keeper(char (*host)[RT__HOST_BYTES], int world, int rank);

#endif
