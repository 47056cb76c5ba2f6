/* What a rank says to the coordinator and what it obeys, as a pure state machine: (state, event, now)
 * -> (state, messages, orders). No sockets, no threads, no clock: the link thread (link.c) gives it
 * those, a simulation its own.
 *
 *     rt__link_state s;
 *     rt__link_state_init(&s, &(rt__link_facts){.generation = 5, .endpoint = "tcp://...",
 *                                               .orders = &orders, .effects = &effects}, now);
 *     rt__link_step(&s, now, &(rt__link_event){.kind = RT__LINK_POST, .note = hello});
 *     rt__link_step(&s, now, &(rt__link_event){.kind = RT__LINK_FRAME, .frame = &frame});
 *     rt__link_step(&s, now, &(rt__link_event){.kind = RT__LINK_TICK});  // at rt__link_next, at the latest
 *     if (s.has_plan) ...
 *     rt__link_state_release(&s);
 *
 * A coordinator that was restarted knows nothing: on RESET the rank says again what must be known of
 * it (HELLO with the step and plan it is in the middle of, LAYOUT, pieces nobody has answered, LEAVE,
 * FINISHED). If the coordinator cannot be reached for RT_LEASE_SECONDS the rank gives up: it cannot
 * tell a coordinator that is dead from a network that has cut it off, and in that case its place has
 * been given to another. */
#ifndef RINGTORCH_WORKER_LINK_STATE_H
#define RINGTORCH_WORKER_LINK_STATE_H

#include <stdatomic.h>
#include "common/error.h"
#include "common/wire.h"

#define RT_LEASE_SECONDS    15.0
#define RT_PROGRESS_SECONDS 0.5 /* between two PROGRESS messages */

/* What the coordinator wants now. Written by the link, read by all; who has done what
 * checkpoint_after asks sets it to -1. */
typedef struct rt__orders {
    atomic_int abort;            /* not 0: give up every wait and leave; the flag comm looks at */
    _Atomic int64_t stop_after;  /* end at the first step >= this; -1: no such order */
    _Atomic int stop_checkpoint; /* ... with a checkpoint; valid once stop_after is set */
    _Atomic int64_t
        checkpoint_after; /* follow the first step >= this with a checkpoint; -1: none */
} rt__orders;
void rt__orders_init(rt__orders *o);

/* A message on its way out. */
typedef struct rt__note {
    struct rt__note *next;
    rt_msg_type type;
    rt_msg_body body;
} rt__note;

/* Makes a deep copy of a message. NULL: out of memory, or it breaks a limit of messages.def. */
rt__note *rt__note_make(rt_msg_type type, const void *body);
void rt__note_free(rt__note *n); /* NULL is fine */

typedef struct rt__link_effects {
    void *ctx;
    /* Hands a message to the wire. False: not now; it is offered again. */
    bool (*send)(void *ctx, rt_msg_type type, const void *body);
    /* Says what the rank is doing; strings are borrowed until the next call. */
    void (*look)(void *ctx, double now, rt_msg_progress *out);
    void (*forget)(void *ctx, int64_t before); /* FORGET has come; NULL: nobody minds */
} rt__link_effects;

typedef struct rt__link_facts {
    int64_t generation;
    const char *endpoint; /* for messages; borrowed, as are the next two */
    rt__orders *orders;
    const rt__link_effects *effects;
} rt__link_facts;

typedef enum rt__link_kind {
    RT__LINK_POST,      /* the rank says something: note, taken over */
    RT__LINK_FRAME,     /* the coordinator does: frame; the body of a plan is taken over */
    RT__LINK_UP,        /* the connection has come about ... */
    RT__LINK_DOWN,      /* ... or was lost */
    RT__LINK_RESET,     /* the coordinator knows nothing of us; what is sent now is sent first */
    RT__LINK_MOVED,     /* something that has lasted long is over */
    RT__LINK_TERMINATE, /* SIGTERM */
    RT__LINK_REFUSED,   /* the wire has failed for good: error, e.g. wrong keys */
    RT__LINK_ENDING,    /* the rank is about to leave: only what is queued is still of interest */
    RT__LINK_TICK       /* time has passed */
} rt__link_kind;

typedef struct rt__link_event {
    rt__link_kind kind;
    rt__note *note;
    rt_frame *frame;
    const rt_saved_error *error;
} rt__link_event;

typedef struct rt__link_state {
    rt__link_facts facts;
    /* What others wait for. */
    bool has_plan;
    rt_msg_body plan; /* may be taken over by who waits; empty then */
    rt_saved_error
        over;  /* code RT_OK: not over. ABORTED: told to leave. Else why it cannot go on */
    bool quit; /* end the process at once: exit code 143 */
    /* The rest is its own. */
    char plan_hash[65];
    rt__note *queue, **queue_end;        /* not sent yet */
    rt__note *hello, *layout, *finished; /* said, and said again after a reset; NULL: not yet */
    rt__note *pieces;                    /* likewise, until the checkpoint is answered */
    rt__note *checksums;                 /* likewise, the last few */
    bool up, ending, say_again_due, say_finished_due, moved;
    double down_since, next_progress;
    double late_at;  /* from when on a HELLO that has not been posted is late */
    bool left;       /* LEAVE was sent */
    double leave_at; /* send it then; 0: no SIGTERM */
} rt__link_state;

/* Must not move afterwards. */
void rt__link_state_init(rt__link_state *s, const rt__link_facts *facts, double now);
void rt__link_state_release(rt__link_state *s);
void rt__link_step(rt__link_state *s, double now, const rt__link_event *e);
/* Returns when the next TICK is due. */
double rt__link_next(const rt__link_state *s, double now);

#endif
