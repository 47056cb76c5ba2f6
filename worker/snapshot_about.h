/* Describes what a run's snapshots hold, and checks whether a snapshot fits this run.
 *
 *     rt_snapshot_about about;
 *     RT_TRY(rt__snapshot_about_run(&about, run, &(rt__snapshot_who){run_id, run_dir, config_hash,
 *                                                                   generation, rank, owned}));
 *     RT_TRY(rt__snapshot_fits(&found, &about));
 */
#ifndef RINGTORCH_WORKER_SNAPSHOT_ABOUT_H
#define RINGTORCH_WORKER_SNAPSHOT_ABOUT_H

#include "common/base/slices.h"
#include "common/state/snapshot_header.h"
#include "worker/engine/train/run.h"

typedef struct rt__snapshot_who {
    const char *run_id, *run_dir; /* run_dir: absolute */
    const char *config_hash;
    int64_t generation;
    int rank;
    rt_range owned; /* elements of the flat buffers, with the tail or without */
} rt__snapshot_who;

/* Fails only if a text is too long for a snapshot's header. */
rt_status rt__snapshot_about_run(rt_snapshot_about *out, const rt_run *run,
                                 const rt__snapshot_who *who);
/* Checks that a snapshot has our model, optimiser and mathematics. Fails with MISMATCH, naming the file and the
 * difference, if not. */
rt_status rt__snapshot_fits(const rt_snapshot *s, const rt_snapshot_about *ours);

#endif
