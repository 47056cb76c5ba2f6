/* What a rank is doing: a record that the computing thread writes without locks and any other thread
 * may read at any moment; how long it did each thing; and the PROGRESS message that tells of it.
 *
 *     static rt__progress p;
 *     rt__progress_init(&p);
 *     rt__progress_attach(&p);                             // computing thread: its operations, its CPU time
 *     rt__progress_step(&p, 17);
 *     rt__progress_phase(&p, RT_PHASE_FORWARD, slice);   // computing thread only
 *     rt__progress_view v = rt__progress_read(&p);         // any thread; never half an update
 *     printf("step %ld: %s for %.1f s\n", v.step, rt_phase_name(v.phase), rt_clock() - v.since);
 */
#ifndef RINGTORCH_WORKER_PROGRESS_H
#define RINGTORCH_WORKER_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include "common/messages.h"
#include "common/phase.h"
#include "worker/comm/comm.h"
#include "worker/engine/base/thread.h"

/* A phase or slice that has lasted so many seconds without a move is worth a word when it ends. */
#define RT__PROGRESS_LONG 1.0

typedef struct rt__progress {
    /* The record: one cache line. `version` is odd while the others are being written. */
    _Alignas(64) _Atomic int64_t version;
    _Atomic int64_t step;  /* steps finished */
    _Atomic int64_t slice; /* in work; -1: none */
    _Atomic int64_t phase;
    _Atomic double since; /* rt_clock() when the phase or slice began */
    _Atomic int64_t ops;  /* operations begun before that */
    int64_t unused[2];
    /* Operations of the computing thread, which are too many to be recorded above. */
    _Alignas(64) rt_op_trace trace;
    /* Newest complete snapshot of this rank; -1: none. */
    _Atomic int64_t snapshot_step;
    /* Seconds spent in each phase and how often it was entered; written by the computing thread. */
    _Atomic double seconds[RT_PHASES];
    _Atomic int64_t times[RT_PHASES];
    /* Set before other threads look. */
    bool attached;
    clockid_t cpu_clock; /* of the computing thread */
    /* The computing thread's own. */
    _Atomic int64_t *mirror_step, *mirror_slice, *mirror_phase; /* NULL: none */
    void (*on_move)(void *ctx);
    void *on_move_ctx;
} rt__progress;

typedef struct rt__progress_view {
    int64_t step, slice, phase, ops;
    double since;
} rt__progress_view;

/* Starts in RT_PHASE_START, step 0, now. */
void rt__progress_init(rt__progress *p);
/* Called by the computing thread before others look: its operations and its CPU time are shown from
 * now on. A thread that outlives the record must detach it. */
void rt__progress_attach(rt__progress *p);
void rt__progress_detach(rt__progress *p);
/* Sets the number of finished steps. */
void rt__progress_step(rt__progress *p, int64_t step);
/* Ends the present phase, adding its time to p->seconds, and begins another. */
void rt__progress_phase(rt__progress *p, rt_phase phase, int64_t slice);
/* Notes that the computing thread moves within its phase, where no operation of the engine would show it. `what` is a
 * constant, shown as what it does. */
void rt__progress_move(const char *what);
rt__progress_view rt__progress_read(const rt__progress *p);
/* Copies step, slice and phase to these places now and at each change: in memory that outlives the
 * process, they say where it was. NULL, NULL, NULL: no longer. Computing thread only. */
void rt__progress_mirror(rt__progress *p, _Atomic int64_t *step, _Atomic int64_t *slice,
                         _Atomic int64_t *phase);
/* Calls f(ctx) on the computing thread whenever something that has lasted RT__PROGRESS_LONG is over.
 * NULL: no longer. Computing thread only. */
void rt__progress_on_move(rt__progress *p, void (*f)(void *ctx), void *ctx);

/* What whoever sends PROGRESS remembers from one message to the next. Zero is a good start. */
typedef struct rt__progress_watch {
    int64_t ops;  /* operations begun by the last look ... */
    double moved; /* ... and when a look last found more than the one before */
    char what[64];
} rt__progress_watch;
/* Fills a PROGRESS. wait: whom the rank is waiting for, NULL: for nobody. out->what is borrowed from
 * `w` until the next call. */
void rt__progress_message(const rt__progress *p, rt__progress_watch *w, const rt_comm_wait *wait,
                          double now, rt_msg_progress *out);
/* Logs the seconds of each phase and its milliseconds a step. */
void rt__progress_log(const rt__progress *p, int64_t steps);

#endif
