/* The summary of a run: its results, its cost, and how it ended. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_SUMMARY_H
#define RINGTORCH_COORDINATOR_MACHINE_SUMMARY_H

#include "coordinator/machine/state.h"

/* Writes and shows the summary. `status`: "done", "stopped" or "failed". */
void rt__run_record_summary(rt__run *r, double now, const char *status);

#endif
