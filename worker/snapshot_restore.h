/* Restores the state of a run from the snapshots that an earlier generation left in shared memory. The number of workers may differ
 * from that generation's.
 *
 *     rt__snapshot_source from = {run, comm, "/dev/shm", &about, rank, world, states};
 *     RT_TRY(rt__snapshot_restore(&from, plan));      // collective; plan->source is 2
 *
 * If every rank can read all pieces, each one copies them from shared memory; otherwise a rank that can read a piece
 * broadcasts it. Parameters are restored completely, optimiser states at least for the elements that this rank updates.
 * One rank verifies each piece's checksum. */
#ifndef RINGTORCH_WORKER_SNAPSHOT_RESTORE_H
#define RINGTORCH_WORKER_SNAPSHOT_RESTORE_H

#include "common/base/slices.h"
#include "common/control/messages.h"
#include "common/state/snapshot_header.h"
#include "worker/commthread.h"
#include "worker/engine/train/run.h"

typedef struct rt__snapshot_source {
    rt_run *run;
    rt__commthread *comm;           /* may be NULL in a world of one */
    const char *dir;                /* directory of snapshots */
    const rt_snapshot_about *about; /* what this run's snapshots hold */
    int rank, world;
    rt_range states; /* elements whose optimiser states this rank needs */
} rt__snapshot_source;

/* Brings the run to the state after plan->start_step steps. Fails with PROTOCOL if the plan's pieces do not cover every
 * element exactly once; naming file and step, with NOTFOUND if one is no longer there, and with CORRUPT if one cannot be
 * read as planned. */
rt_status rt__snapshot_restore(const rt__snapshot_source *from, const rt_msg_plan *plan);

#endif
