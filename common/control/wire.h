/* The control plane's wire: msgpack frames over ZeroMQ ROUTER/DEALER with CURVE.
 *
 *     rt_wire_options o = {.endpoint = "tcp://127.0.0.1:*", .keys = &keys, .run = id,
 *                          .name = "coordinator"};
 *     RT_TRY(rt_wire_listen(&o, &w));
 *     while (rt_wire_receive(w, 0.1, &f) == RT_OK) {           // RT_E_TIMEOUT if nothing came
 *         if (f.type == RT_MSG_HELLO) answer(w, f.peer, &f.body.hello);
 *         rt_frame_release(&f);
 *     }
 *
 * A frame is one msgpack array [version, run, generation, sender, talk, seq, ack, type, body], at most
 * RT_WIRE_FRAME_MAX bytes, decoded against common/control/messages.def; any other frame is refused, counted and logged
 * with the reason, and never reaches the caller. Per peer, frames arrive at most once and in order; unacknowledged ones
 * are sent again after a reconnect. If the ROUTER was restarted meanwhile, the DEALER begins a new conversation (talk)
 * with it: see rt_wire_on_reset, and wire_end.h for the protocol. Each rt_wire must be used by one thread only. */
#ifndef RINGTORCH_COMMON_CONTROL_WIRE_H
#define RINGTORCH_COMMON_CONTROL_WIRE_H

#include "common/control/wire_frame.h"
#include "common/control/wire_keys.h"
#include <poll.h>

enum { RT_CONTROL_VERSION = 1 }; /* of control.json, which says where to connect to */

/* What a coordinator prints for its launcher, in place of its address, once it has told the user why it does not start. Another
 * program would end without a word. */
#define RT_COORDINATOR_REFUSED "refused"

typedef struct rt_wire_options {
    const char *endpoint; /* listen: "tcp://127.0.0.1:*"; connect: the result of rt_wire_endpoint */
    const rt_wire_keys *keys; /* copied */
    const char *run;          /* run id, at most 63 bytes; frames of another run are refused */
    /* our name: "coordinator", "launcher", "worker 3"; the peer sees it as sender */
    const char *name;
    int64_t generation; /* of the frames we send; see rt_wire_set_generation */
    /* listen: further addresses, "10.0.0.2,10.1.0.1", at the same port, or NULL. One that cannot be listened on is left out, with a warning
     * in the log. */
    const char *also;
} rt_wire_options;

typedef struct rt_wire rt_wire;

/* Binds a ROUTER; only clients with the run's client key are let in (ZAP). Fails with EXISTS, naming the endpoint, if
 * the port is taken. */
rt_status rt_wire_listen(const rt_wire_options *o, rt_wire **out);
/* Connects a DEALER. A wrong key is not an error here: it appears as a failed handshake in rt_wire_receive (AUTH). */
rt_status rt_wire_connect(const rt_wire_options *o, rt_wire **out);
/* Sends what is still queued for at most `linger` seconds, then frees w. */
void rt_wire_close(rt_wire *w, double linger);
/* Returns the endpoint that was bound ("tcp://127.0.0.1:41234"). */
const char *rt_wire_endpoint(const rt_wire *w);
/* Fills in descriptors that become readable when rt_wire_receive may have something (edge-triggered, like ZMQ_FD). */
enum { RT_WIRE_FDS = 3 };
void rt_wire_poll(const rt_wire *w, struct pollfd out[RT_WIRE_FDS]);
void rt_wire_set_generation(rt_wire *w, int64_t generation);
/* Returns whether a DEALER has a connection, as of the last rt_wire_receive. ZeroMQ keeps trying in
 * any case. */
bool rt_wire_connected(const rt_wire *w);
/* Returns how many frames and connections were refused so far. */
int64_t rt_wire_refused(const rt_wire *w);
/* DEALER: returns how many seconds ago the oldest unconfirmed message was sent, or 0 if the peer has confirmed all. A
 * live peer confirms whenever it calls rt_wire_receive, so a large value means that it is stuck. The count goes on
 * while the connection is down and starts over once a restarted peer is back. */
double rt_wire_unconfirmed_seconds(const rt_wire *w);
/* DEALER: returns how many messages the peer has not confirmed. */
int64_t rt_wire_unconfirmed(const rt_wire *w);
/* DEALER: on_reset(ctx) is called inside rt_wire_receive when the ROUTER was restarted and has lost everything sent
 * before. It may call only rt_wire_send. Its messages go first, then the unconfirmed ones; an unconfirmed message of a
 * type that on_reset has sent is dropped, since it was replaced. */
void rt_wire_on_reset(rt_wire *w, void (*on_reset)(void *ctx), void *ctx);
/* ROUTER: frees the state of a peer that will not come back, e.g. because its generation has ended. If it sends
 * something after all, it is asked to begin a new conversation; its messages still carry their old generation. A peer
 * without a connection for a minute is forgotten automatically. */
void rt_wire_forget(rt_wire *w, const char *peer);

/* Sends a message: body points to the struct of `type`. `peer` is NULL on a DEALER. Never blocks. Fails with CLOSED if
 * the peer is unknown or forgotten, and with TIMEOUT if its queue is full; the message is then dropped. A peer that has
 * lost its connection gets the message once it is back. */
rt_status rt_wire_send(rt_wire *w, const char *peer, rt_msg_type type, const void *body);
/* Waits at most `seconds` for the next valid frame. Returns RT_E_TIMEOUT if none came or a signal interrupted the wait;
 * that is not an error and does not fill the slot. Returns RT_E_AUTH, from then on always, if a DEALER's keys are not
 * accepted. Call it often: it also admits new peers, confirms what has arrived and resends what was lost. */
rt_status rt_wire_receive(rt_wire *w, double seconds, rt_frame *out);

#endif
