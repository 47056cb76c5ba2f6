/* Checks that a run which resumes would find its snapshots: they are where snapshot.dir was when it ended.
 *
 *     RT_TRY(rt__earlier_snapshots_check("runs/x", "auto", &cfg));
 */
#ifndef RINGTORCH_LAUNCH_RUN_EARLIER_SNAPSHOTS_H
#define RINGTORCH_LAUNCH_RUN_EARLIER_SNAPSHOTS_H

#include "common/config/config.h"

/* Fails with CONFIG, naming both directories and what to do, if the run in `dir` has left a state in the snapshot.dir of
 * its config.yaml that is newer than all that `--resume auto` with cfg would find: its checkpoints, and the snapshots in
 * cfg's snapshot.dir. The caller holds the lock of the run directory. */
rt_status rt__earlier_snapshots_check(const char *dir, const char *resume, const rt_config *cfg);

#endif
