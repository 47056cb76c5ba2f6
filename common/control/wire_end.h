/* One end of the wire without its sockets: frames go in, messages come out. Decides what is sent, confirmed, resent and
 * refused, and when a new conversation begins; private to wire*.c.
 *
 *     rt__end e;
 *     rt__end_init(&e, &(rt__end_options){.is_router = true, .run = "r1", .name = "coordinator",
 *                                         .give = give, .ctx = &sockets});
 *     if (rt__end_take(&e, peer, bytes, len, now, &frame)) handle(&frame);
 *     RT_TRY(rt__end_send(&e, peer, RT_MSG_STOP, &stop, now));
 *     rt__end_settle(&e, now);                       // whenever no frame is waiting to be taken
 *     rt__end_release(&e);
 *
 * A conversation is between one DEALER and one ROUTER process. The DEALER numbers it and begins it with message 1. If a
 * ROUTER receives another message of a conversation that it does not know, it was started after the ROUTER that knew it
 * had ended, so it answers RESET. The DEALER then begins the next conversation: first the messages of its owner's
 * on_reset, then the unconfirmed ones.
 *
 * Why no process delivers a message twice: the DEALER hands message 1 of a conversation to its socket once. After
 * losing a connection it hands over nothing until the other side has answered its RESEND, and any answer but RESET
 * means that message 1 has arrived. So a ROUTER that has answered RESET to a conversation never sees it begin. Frames
 * of an ended conversation, RESETs included, are recognised by its number. */
#ifndef RINGTORCH_COMMON_CONTROL_WIRE_END_H
#define RINGTORCH_COMMON_CONTROL_WIRE_END_H

#include "common/base/log.h"
#include "common/control/wire_peers.h"

typedef struct rt__end_options {
    bool is_router;
    const char *run, *name; /* at most RT__NAME_MAX - 1 bytes each; copied */
    int64_t generation;
    /* Hands one frame to the socket; `peer` is "" on a DEALER. Returns CLOSED if the peer has no connection now and
     * TIMEOUT if its queue is full, without filling the error slot: the end keeps the message. */
    rt_status (*give)(void *ctx, const char *peer, const rt_bytes *frame);
    void *ctx;
} rt__end_options;

typedef struct rt__end {
    rt__end_options options; /* its texts point to the two below */
    char run[RT__NAME_MAX], name[RT__NAME_MAX];
    int64_t generation;
    rt__peers peers;
    rt__session *only;             /* DEALER: its one conversation; else NULL */
    bool connected, was_connected; /* DEALER */
    void (*on_reset)(void *ctx);   /* NULL: the owner has nothing to repeat */
    void *on_reset_ctx;
    rt_log_limit refused; /* frames */
    int64_t resets;       /* conversations restarted */
} rt__end;

/* `e` must not move afterwards. */
rt_status rt__end_init(rt__end *e, const rt__end_options *o);
void rt__end_release(rt__end *e);

rt_status rt__end_send(rt__end *e, const char *peer, rt_msg_type type, const void *body,
                       double now);
/* Processes the bytes of one frame. Returns true if *out is a message for the caller, who must release it. A bad frame
 * is logged and counted; the error slot stays as it was. */
bool rt__end_take(rt__end *e, const char *peer, const void *data, size_t len, double now,
                  rt_frame *out);
/* Counts and logs a refused frame. */
void rt__end_refuse(rt__end *e, const char *peer, const char *reason);
/* Call when a DEALER's connection is established or lost. */
void rt__end_connected(rt__end *e, double now);
void rt__end_disconnected(rt__end *e);
/* Confirms to peers what has arrived from them and offers the socket again what it did not accept before. */
void rt__end_settle(rt__end *e, double now);
/* Returns whether messages wait because a socket accepts none. */
bool rt__end_is_blocked(const rt__end *e);
/* Returns for how many seconds the oldest message of a DEALER has been unconfirmed, or 0 if all are confirmed. */
double rt__end_unconfirmed_seconds(const rt__end *e, double now);
/* Returns how many messages a DEALER's peer has not confirmed. */
int64_t rt__end_unconfirmed(const rt__end *e);
void rt__end_forget(rt__end *e, const char *peer);

#endif
