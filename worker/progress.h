/* What a rank is doing: a record that the computing thread writes without locks and any other thread may read at any
 * moment, the time spent in each phase, and the PROGRESS message that reports it.
 *
 *     static rt__progress p;
 *     rt__progress_init(&p);
 *     rt__progress_attach(&p);                             // computing thread: shows its operations and CPU time
 *     rt__progress_step(&p, 17);
 *     rt__progress_enter_phase(&p, RT_PHASE_FORWARD, slice);   // computing thread only
 *     rt__progress_view v = rt__progress_read(&p);         // any thread; always consistent
 *     printf("step %ld: %s for %.1f s\n", v.step, rt_phase_name(v.phase), rt_clock() - v.since);
 */
#ifndef RINGTORCH_WORKER_PROGRESS_H
#define RINGTORCH_WORKER_PROGRESS_H

#include "common/base/phase.h"
#include "common/control/messages.h"
#include "worker/comm/comm.h"
#include "worker/engine/base/thread.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* If a phase or slice has lasted this many seconds, the link is told when it ends. */
#define RT__PROGRESS_LONG 1.0

typedef struct rt__progress {
    /* The record: one cache line. `version` is odd while the others are being written. */
    _Alignas(64) _Atomic int64_t version;
    _Atomic int64_t step;  /* steps finished */
    _Atomic int64_t slice; /* being computed; -1 if none */
    _Atomic int64_t phase;
    _Atomic double since; /* rt_clock() when the phase or slice began */
    _Atomic int64_t ops;  /* operations begun before `since` */
    int64_t unused[2];
    /* Operations of the computing thread; too frequent to update the record above for each. */
    _Alignas(64) rt_op_trace trace;
    /* Newest complete snapshot of this rank; -1 if none. */
    _Atomic int64_t snapshot_step;
    /* Seconds spent in each phase and how often it was entered; written by the computing thread. */
    _Atomic double seconds[RT_PHASES];
    _Atomic int64_t times[RT_PHASES];
    /* Set before other threads read. */
    bool attached;
    clockid_t cpu_clock; /* of the computing thread */
    /* Used by the computing thread only. */
    _Atomic int64_t *mirror_step, *mirror_slice, *mirror_phase; /* NULL if none */
    void (*on_move)(void *ctx);
    void *on_move_ctx;
} rt__progress;

typedef struct rt__progress_view {
    int64_t step, slice, phase, ops;
    double since;
} rt__progress_view;

/* Starts at RT_PHASE_START, step 0, with the present time. */
void rt__progress_init(rt__progress *p);
/* The computing thread calls this before other threads read; from then on the record shows its operations and CPU time.
 * A thread that outlives the record must detach it. */
void rt__progress_attach(rt__progress *p);
void rt__progress_detach(rt__progress *p);
/* Sets the number of finished steps. */
void rt__progress_step(rt__progress *p, int64_t step);
/* Ends the current phase, adding its time to p->seconds, and begins another. */
void rt__progress_enter_phase(rt__progress *p, rt_phase phase, int64_t slice);
/* Records that the computing thread makes progress within its phase while no operation of the engine would show it.
 * `what` is a constant text shown as the current activity. */
void rt__progress_move(const char *what);
rt__progress_view rt__progress_read(const rt__progress *p);
/* Copies step, slice and phase to these places now and at each change; in memory that outlives the process they show
 * where it was. NULL, NULL, NULL stops that. Computing thread only. */
void rt__progress_mirror(rt__progress *p, _Atomic int64_t *step, _Atomic int64_t *slice,
                         _Atomic int64_t *phase);
/* Calls f(ctx) on the computing thread whenever a phase or slice ends that has lasted RT__PROGRESS_LONG. NULL stops
 * that. Computing thread only. */
void rt__progress_on_move(rt__progress *p, void (*f)(void *ctx), void *ctx);

/* What the sender of PROGRESS remembers from one message to the next. Start with a zeroed struct. */
typedef struct rt__progress_watch {
    int64_t ops;  /* operations begun at the last message ... */
    double moved; /* ... and when that number last grew */
    char what[64];
} rt__progress_watch;
/* Fills a PROGRESS. `wait` says which rank this one is waiting for, NULL if none. out->what is borrowed from `w` until
 * the next call. */
void rt__progress_message(const rt__progress *p, rt__progress_watch *w, const rt_comm_wait *wait,
                          double now, rt_msg_progress *out);
/* Logs each phase's seconds and its milliseconds per step. */
void rt__progress_log(const rt__progress *p, int64_t steps);

#endif
