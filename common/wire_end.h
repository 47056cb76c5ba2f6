/* One end of the wire without its sockets: frames go in, messages come out. What is sent, confirmed,
 * sent again, begun anew and refused is decided here; private to wire*.c.
 *
 *     rt__end e;
 *     rt__end_init(&e, &(rt__end_options){.is_router = true, .run = "r1", .name = "coordinator",
 *                                         .give = give, .ctx = &sockets});
 *     if (rt__end_take(&e, peer, bytes, len, now, &frame)) handle(&frame);
 *     RT_TRY(rt__end_send(&e, peer, RT_MSG_STOP, &stop, now));
 *     rt__end_settle(&e, now);                       // whenever nothing is waiting to be taken
 *     rt__end_release(&e);
 *
 * A conversation is between one DEALER and one ROUTER process. The DEALER numbers it and begins it
 * with message 1; a ROUTER that is told something else in a conversation it does not know was
 * started after the other one's end, and says RESET. The DEALER then begins the next conversation:
 * first what its owner must always say, then what was not confirmed.
 *
 * Why nothing is delivered twice by one process: message 1 of a conversation is handed over once.
 * After a connection was lost the DEALER hands over nothing before the other side has answered its
 * RESEND, and an answer other than RESET means that message 1 has arrived. So a ROUTER that has
 * said RESET to a conversation never sees it begin; and frames of a conversation that is over, RESETs
 * included, are known by its number. */
#ifndef RINGTORCH_COMMON_WIRE_END_H
#define RINGTORCH_COMMON_WIRE_END_H

#include "common/log.h"
#include "common/wire_peers.h"

typedef struct rt__end_options {
    bool is_router;
    const char *run, *name; /* at most RT__NAME_MAX - 1 bytes each; copied */
    int64_t generation;
    /* Gives one frame to the socket, to a DEALER's with peer "". CLOSED: the peer has no connection
     * now; TIMEOUT: its queue is full. Fills no error slot: the message is kept. */
    rt_status (*give)(void *ctx, const char *peer, const rt_bytes *frame);
    void *ctx;
} rt__end_options;

typedef struct rt__end {
    rt__end_options options; /* its texts are the two below */
    char run[RT__NAME_MAX], name[RT__NAME_MAX];
    int64_t generation;
    rt__peers peers;
    rt__session *only;             /* DEALER: its one conversation; else NULL */
    bool connected, was_connected; /* DEALER */
    void (*say_again)(void *ctx);  /* NULL: nothing must be */
    void *say_again_ctx;
    rt_log_seldom refused; /* frames */
    int64_t resets;        /* conversations begun anew */
} rt__end;

/* `e` must not move afterwards. */
rt_status rt__end_init(rt__end *e, const rt__end_options *o);
void rt__end_release(rt__end *e);

rt_status rt__end_send(rt__end *e, const char *peer, rt_msg_type type, const void *body,
                       double now);
/* Judges the bytes of one frame; returns true if *out is a message for the caller, which releases
 * it. Whatever is wrong is logged and counted; the error slot stays as it was. */
bool rt__end_take(rt__end *e, const char *peer, const void *data, size_t len, double now,
                  rt_frame *out);
/* Counts and logs something that was not let through. */
void rt__end_refuse(rt__end *e, const char *peer, const char *reason);
/* A DEALER's connection has come about, or was lost. */
void rt__end_connected(rt__end *e, double now);
void rt__end_disconnected(rt__end *e);
/* Tells peers what has arrived from them and offers the socket what it would not take before. */
void rt__end_settle(rt__end *e, double now);
/* Returns whether messages wait because sockets take nothing. */
bool rt__end_is_blocked(const rt__end *e);
/* Returns how long the oldest message of a DEALER has not been confirmed; 0: all are. */
double rt__end_unconfirmed_seconds(const rt__end *e, double now);
void rt__end_forget(rt__end *e, const char *peer);

#endif
