/* Why a generation is lost: weighs the signs, and abandons the generation. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_CAUSES_H
#define RINGTORCH_COORDINATOR_MACHINE_CAUSES_H

#include "coordinator/machine/state.h"

/* How much a sign of a lost generation says about the cause, least first. A rank that lost its neighbour reports a fault before anyone knows
 * that the neighbour was killed, but the kill is what the user must see. */
enum {
    RT__CAUSE_CONSEQUENCE = 1,
    RT__CAUSE_JOB_EXIT, /* the job's exit code; its rank is not known */
    RT__CAUSE_STALL, /* a rank is missing, silent or does not move; it may be waiting for another that has died */
    RT__CAUSE_RANK_EXIT, /* a rank's exit code, before anybody ordered the end of the job */
    RT__CAUSE_FAULT,
    RT__CAUSE_CULPRIT, /* a fault that all ranks report, reported by the rank that caused it */
    RT__CAUSE_SIGNAL
};
/* Notes a sign that this generation is lost; the weightiest one is kept. `rank` is -1 if it is unknown; `at`: time of the sign. */
__attribute__((format(printf, 5, 6))) void rt__run_note_cause(rt__run *r, double at, int weight,
                                                              int64_t rank, const char *fmt, ...);
/* Notes how the job ended. */
void rt__run_note_exit(rt__run *r, double now, const rt_msg_exited *m);
/* Abandons the generation: orders the end of its job and waits for it in REGROUP. */
void rt__run_abandon_generation(rt__run *r, double now, const char *reason);
/* Journals a doubt about all snapshots of this and earlier generations, except those of steps up to `step`. Returns false if it cannot be
 * journaled, and then the run has failed. */
bool rt__run_record_doubt(rt__run *r, double now, int64_t step);

#endif
