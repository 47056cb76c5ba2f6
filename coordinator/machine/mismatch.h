/* Sums that differ between ranks, though they should have the same bits. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_MISMATCH_H
#define RINGTORCH_COORDINATOR_MACHINE_MISMATCH_H

#include "coordinator/machine/state.h"

/* If sums differ, journals a doubt about the generation's state and records the corruption, unless that is done already. Returns false if the
 * doubt cannot be journaled, and then the run has failed. */
bool rt__run_doubt_mismatch(rt__run *r, double now);
/* The same, and abandons the generation. */
void rt__run_act_on_mismatch(rt__run *r, double now);

/* unacted: only keeps a difference, to act on it later. */
rt__handler rt__run_on_checksum, rt__run_on_checksum_unacted;

#endif
