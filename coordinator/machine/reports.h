/* Workers' reports about their steps. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_REPORTS_H
#define RINGTORCH_COORDINATOR_MACHINE_REPORTS_H

#include "coordinator/machine/state.h"

/* Notes that a rank has finished this step. */
void rt__run_note_step(rt__run *r, double now, int64_t rank, int64_t step, int64_t rss);

rt__handler rt__run_on_progress, rt__run_on_heartbeat, rt__run_on_report, rt__run_on_layout,
    rt__run_on_snapshot_trouble;

#endif
