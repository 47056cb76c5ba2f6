/* What a rank sends to the coordinator and which orders it obeys, as a pure state machine: (state, event, now) ->
 * (state, messages, orders). It has no sockets, threads or clock of its own; the link thread (link.c) provides them,
 * and so does the simulation in tests.
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
 * A restarted coordinator knows nothing about the ranks. On RESET the rank therefore resends its state (HELLO with its
 * current step and plan, LAYOUT, the last EVALUATED, the last CHECKSUMs and all unconfirmed ones, unanswered pieces,
 * LEAVE, FINISHED). If the coordinator cannot be reached for RT_LEASE_SECONDS the rank gives up: it cannot tell a dead
 * coordinator from a network that has cut the rank off, and in the latter case another worker has taken its place. */
#ifndef RINGTORCH_WORKER_LINK_STATE_H
#define RINGTORCH_WORKER_LINK_STATE_H

#include "common/base/error.h"
#include "common/control/wire.h"
#include <stdatomic.h>

#define RT_LEASE_SECONDS    15.0
#define RT_PROGRESS_SECONDS 0.5 /* between two PROGRESS messages */

/* The coordinator's current orders. Written by the link and read by all threads; the thread that carries out
 * checkpoint_after sets it to -1. */
typedef struct rt__orders {
    atomic_int abort;            /* not 0: give up every wait and leave; comm polls this flag */
    _Atomic int64_t stop_after;  /* end at the first step >= this; -1 if not ordered */
    _Atomic int stop_checkpoint; /* ... with a checkpoint; valid once stop_after is set */
    /* write a checkpoint after the first step >= this; -1 if not ordered */
    _Atomic int64_t checkpoint_after;
} rt__orders;
void rt__orders_init(rt__orders *o);

/* A message that waits to be sent. */
typedef struct rt__note {
    struct rt__note *next;
    rt_msg_type type;
    rt_msg_body body;
} rt__note;

/* A checksum that was sent; number: its place among the messages handed to the wire, from 1. */
typedef struct rt__sent_checksum {
    rt_msg_checksum checksum;
    int64_t number;
} rt__sent_checksum;

/* Makes a deep copy of a message. Returns NULL if memory runs out or the message breaks a limit of messages.def. */
rt__note *rt__note_make(rt_msg_type type, const void *body);
void rt__note_free(rt__note *n); /* n may be NULL */

typedef struct rt__link_effects {
    void *ctx;
    /* Hands a message to the wire. Returns false if the wire cannot take it now; it is offered again later. */
    bool (*send)(void *ctx, rt_msg_type type, const void *body);
    /* Returns how many messages the wire holds that the coordinator has not confirmed. */
    int64_t (*unconfirmed)(void *ctx);
    /* Fills in what the rank is doing; strings are borrowed until the next call. */
    void (*look)(void *ctx, double now, rt_msg_progress *out);
    void (*forget)(void *ctx, int64_t before); /* FORGET arrived; may be NULL */
} rt__link_effects;

typedef struct rt__link_facts {
    int64_t generation;
    const char *endpoint; /* for error messages; borrowed, as are the next two */
    rt__orders *orders;
    const rt__link_effects *effects;
} rt__link_facts;

typedef enum rt__link_kind {
    RT__LINK_POST,      /* the rank sends `note`, whose ownership passes */
    RT__LINK_FRAME,     /* the coordinator sent `frame`; ownership of a plan's body passes */
    RT__LINK_UP,        /* the connection is established ... */
    RT__LINK_DOWN,      /* ... or is lost */
    RT__LINK_RESET,     /* the coordinator has lost our state; messages sent now go first */
    RT__LINK_MOVED,     /* something that took long has ended */
    RT__LINK_TERMINATE, /* SIGTERM */
    RT__LINK_REFUSED,   /* the wire has failed for good with `error`, e.g. wrong keys */
    RT__LINK_ENDING,    /* the rank is about to leave: only queued messages matter now */
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
    /* What other threads wait for. */
    bool has_plan;
    rt_msg_body plan; /* the waiting thread may take ownership; then empty */
    /* code RT_OK: still running. ABORTED: ordered to leave. Else why the rank cannot go on. */
    rt_saved_error ended;
    bool quit; /* end the process at once with exit code 143 */
    /* The rest is private. */
    char plan_hash[65];
    rt__note *queue, **queue_end; /* not sent yet */
    /* sent, and resent after a reset; NULL if not sent yet */
    rt__note *hello, *layout, *evaluated, *finished;
    rt__note *pieces; /* likewise, until the coordinator answers the checkpoint */
    /* [checksum_count], with room for checksum_room: likewise, the last few and all unconfirmed ones, in order */
    rt__sent_checksum *checksum;
    int checksum_count, checksum_room;
    int64_t sent; /* messages handed to the wire */
    bool up, ending, resend_due, resend_last_due, moved;
    double down_since, next_progress;
    double late_at;  /* when a HELLO that has not been posted becomes late */
    bool left;       /* LEAVE was sent */
    double leave_at; /* when to send LEAVE; 0 if no SIGTERM came */
} rt__link_state;

/* *s must not move afterwards. */
void rt__link_state_init(rt__link_state *s, const rt__link_facts *facts, double now);
void rt__link_state_release(rt__link_state *s);
void rt__link_step(rt__link_state *s, double now, const rt__link_event *e);
/* Returns when the next TICK is due. */
double rt__link_next(const rt__link_state *s, double now);

#endif
