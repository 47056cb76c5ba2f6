/* What a rank is doing: a record of 64 bytes that the computing thread writes without locks and any
 * other thread may read at any moment; and how long it did each thing.
 *
 *     static rt__progress p;
 *     rt__progress_step(&p, 17);
 *     rt__progress_phase(&p, RT__PHASE_FORWARD, slice);   // computing thread only
 *     rt__progress_view v = rt__progress_read(&p);         // any thread; never half an update
 *     printf("step %ld: %s for %.1f s\n", v.step, rt__phase_name(v.phase), rt_clock() - v.since);
 */
#ifndef RINGTORCH_WORKER_PROGRESS_H
#define RINGTORCH_WORKER_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>
#include "common/snapshot_header.h"

/* PHASE(constant, name). Numbers are on the wire (PROGRESS): append only. */
#define RT__PHASE_LIST(PHASE)                                                                      \
    PHASE(START, "start")                                                                          \
    PHASE(RESTORE, "restore")                                                                      \
    PHASE(LOAD, "load")                                                                            \
    PHASE(FORWARD, "forward")                                                                      \
    PHASE(BACKWARD, "backward")                                                                    \
    PHASE(REDUCE, "reduce")                                                                        \
    PHASE(UPDATE, "update")                                                                        \
    PHASE(GATHER, "gather")                                                                        \
    PHASE(CHECKPOINT, "checkpoint")                                                                \
    PHASE(EVALUATE, "evaluate")                                                                    \
    PHASE(FINISH, "finish")                                                                        \
    PHASE(SNAPSHOT, "snapshot")

typedef enum rt__phase {
#define PHASE(constant, name) RT__PHASE_##constant,
    RT__PHASE_LIST(PHASE)
#undef PHASE
        RT__PHASES /* how many there are */
} rt__phase;

/* Returns "forward"; "?" for a number that is no phase. */
const char *rt__phase_name(int64_t phase);
/* Returns the phase of that name, RT__PHASES if there is none. */
rt__phase rt__phase_of_name(const char *name);

typedef struct rt__progress {
    /* The record: one cache line. `version` is odd while the others are being written. */
    _Alignas(64) _Atomic int64_t version;
    _Atomic int64_t step;  /* steps finished */
    _Atomic int64_t slice; /* in work; -1: none */
    _Atomic int64_t phase;
    _Atomic double since; /* rt_clock() when the phase began */
    int64_t unused[3];
    /* Seconds spent in each phase; the computing thread's own. */
    double seconds[RT__PHASES];
    /* The newest complete snapshot of this rank, -1: none; for PROGRESS. */
    _Atomic int64_t snapshot_step;
    /* Where else to write step, slice and phase, so that they outlive the process: shared memory
     * (worker/snapshot.h). NULL: nowhere; the computing thread's own. */
    rt_snapshot_mark *mark;
} rt__progress;

typedef struct rt__progress_view {
    int64_t step, slice, phase;
    double since;
} rt__progress_view;

/* Starts in RT__PHASE_START, step 0, now. */
void rt__progress_init(rt__progress *p);
/* Sets the number of finished steps. */
void rt__progress_step(rt__progress *p, int64_t step);
/* Ends the present phase, adding its time to p->seconds, and begins another. */
void rt__progress_phase(rt__progress *p, rt__phase phase, int64_t slice);
rt__progress_view rt__progress_read(const rt__progress *p);
/* Logs the seconds of each phase and its milliseconds a step. */
void rt__progress_log(const rt__progress *p, int64_t steps);

#endif
