/* Going on from the snapshots of an earlier generation, at any world size.
 *
 *     rt__snapshot_source from = {run, comm, "/dev/shm", &about, rank, world, states};
 *     RT_TRY(rt__snapshot_restore(&from, plan));      // collective; plan->source is 2
 *
 * If every rank can read all pieces, each copies them from shared memory; else the rank that can
 * read a piece broadcasts it. Parameters are restored whole, optimiser states at least where this
 * rank updates them. Each piece's checksum is verified by one rank. */
#ifndef RINGTORCH_WORKER_SNAPSHOT_RESTORE_H
#define RINGTORCH_WORKER_SNAPSHOT_RESTORE_H

#include "common/messages.h"
#include "common/slices.h"
#include "common/snapshot_header.h"
#include "worker/commthread.h"
#include "worker/engine/train/run.h"

typedef struct rt__snapshot_source {
    rt_run *run;
    rt__commthread *comm;           /* may be NULL in a world of one */
    const char *dir;                /* where snapshots lie */
    const rt_snapshot_about *about; /* what this run's are of */
    int rank, world;
    rt_range states; /* elements whose optimiser states this rank needs */
} rt__snapshot_source;

/* Brings the run to the state after plan->start_step steps. PROTOCOL if the plan's pieces do not
 * cover every element exactly once; CORRUPT, with file and step named, if one cannot be read as
 * planned. */
rt_status rt__snapshot_restore(const rt__snapshot_source *from, const rt_msg_plan *plan);

#endif
