/* The control plane's wire: msgpack frames over ZeroMQ ROUTER/DEALER with CURVE.
 *
 *     rt_wire_options o = {.endpoint = "tcp://127.0.0.1:*", .keys = &keys, .run = id,
 *                          .name = "coordinator"};
 *     RT_TRY(rt_wire_listen(&o, &w));
 *     while (rt_wire_receive(w, 0.1, &f) == RT_OK) {           // RT_E_TIMEOUT: nothing came
 *         if (f.type == RT_MSG_HELLO) answer(w, f.peer, &f.body.hello);
 *         rt_frame_release(&f);
 *     }
 *
 * A frame is one msgpack array [version, run, generation, sender, talk, seq, ack, type, body], at
 * most RT_WIRE_FRAME_MAX bytes, decoded against common/messages.def; anything else is refused,
 * counted and logged with its reason, and never reaches the caller. Per peer, frames arrive at most
 * once and in order; unacknowledged ones are sent again after a reconnect. If the ROUTER was
 * restarted meanwhile, the DEALER begins another conversation (talk) with it: see rt_wire_on_reset,
 * and wire_end.h for how. One thread per rt_wire. */
#ifndef RINGTORCH_COMMON_WIRE_H
#define RINGTORCH_COMMON_WIRE_H

#include "common/messages.h"

enum {
    RT_WIRE_VERSION = 2,
    RT_WIRE_FRAME_MAX = 1 << 22,
    RT_WIRE_KEY = 41 /* Z85 text and its zero */
};

/* One CURVE key pair per role, made per run; text is Z85. Never put them on a command line. */
typedef struct rt_wire_keys {
    char server_public[RT_WIRE_KEY], server_secret[RT_WIRE_KEY]; /* secret: coordinator only */
    char client_public[RT_WIRE_KEY], client_secret[RT_WIRE_KEY];
} rt_wire_keys;

rt_status rt_wire_keys_make(rt_wire_keys *k);
/* Reads RINGTORCH_KEYS ("server_public client_public client_secret [server_secret]") from the
 * environment; rt_wire_keys_text writes that value (with_secret: for the coordinator). */
rt_status rt_wire_keys_from_env(rt_wire_keys *k);
/* Reads such a value; `where` names it in errors. */
rt_status rt_wire_keys_parse(const char *text, const char *where, rt_wire_keys *k);
void rt_wire_keys_text(const rt_wire_keys *k, bool with_server_secret, char text[4 * RT_WIRE_KEY]);

typedef struct rt_wire_options {
    const char *endpoint;     /* listen: "tcp://127.0.0.1:*"; connect: what rt_wire_endpoint gave */
    const rt_wire_keys *keys; /* copied */
    const char *run;          /* run id, at most 63 bytes; frames of another run are refused */
    const char
        *name; /* who I am: "coordinator", "launcher", "worker 3"; the peer sees it as sender */
    int64_t generation; /* of the frames I send; see rt_wire_set_generation */
} rt_wire_options;

typedef struct rt_wire rt_wire;

/* Binds a ROUTER; only clients that hold the run's client key are let in (ZAP). Port taken:
 * RT_E_EXISTS with the endpoint named. */
rt_status rt_wire_listen(const rt_wire_options *o, rt_wire **out);
/* Connects a DEALER. A wrong key is not an error here: it shows as a failed handshake in
 * rt_wire_receive (AUTH). */
rt_status rt_wire_connect(const rt_wire_options *o, rt_wire **out);
/* Flushes for at most `linger` seconds and frees. */
void rt_wire_close(rt_wire *w, double linger);
/* Returns the endpoint really bound ("tcp://127.0.0.1:41234"). */
const char *rt_wire_endpoint(const rt_wire *w);
/* Returns a file descriptor that polls readable when rt_wire_receive may have something
 * (edge-triggered, as ZMQ_FD). */
int rt_wire_fd(const rt_wire *w);
void rt_wire_set_generation(rt_wire *w, int64_t generation);
/* Returns whether a DEALER has a connection, as of the last rt_wire_receive. ZeroMQ keeps trying in
 * any case. */
bool rt_wire_connected(const rt_wire *w);
/* Returns how many frames and connections were refused so far. */
int64_t rt_wire_refused(const rt_wire *w);
/* DEALER: returns how many seconds the oldest message that the peer has not confirmed was sent ago;
 * 0: all are confirmed. A peer that is alive confirms within the time it takes to call
 * rt_wire_receive, so this tells one that is stuck. It goes on counting while the connection is
 * down, and begins anew when the peer has been restarted and is back. */
double rt_wire_unconfirmed_seconds(const rt_wire *w);
/* DEALER: say_again(ctx) is called, inside rt_wire_receive, when the ROUTER has been restarted and
 * knows nothing of what was said before; it may call rt_wire_send only. What it sends comes first,
 * then what was not confirmed, except messages of a type that it has sent: those are replaced. */
void rt_wire_on_reset(rt_wire *w, void (*say_again)(void *ctx), void *ctx);
/* ROUTER: frees what is kept about a peer that will not come back, e.g. when its generation has
 * ended. Should it still say something, it is asked to begin anew, and what it says then reaches
 * the caller with the generation that it has always had. A peer that has had no connection for a
 * minute is forgotten unasked. */
void rt_wire_forget(rt_wire *w, const char *peer);

/* One message received. */
typedef struct rt_frame {
    char peer[64];   /* whom to answer; unique per connection */
    char sender[64]; /* "worker 3" */
    int64_t generation;
    rt_msg_type type;
    rt_msg_body body; /* union of all message structs; strings and arrays owned by the frame */
} rt_frame;
void rt_frame_release(rt_frame *f);

/* Sends a message: body points to the struct of `type`. `peer` is NULL on a DEALER. Never blocks: a
 * peer that is not known (any more) gives RT_E_CLOSED, a full queue RT_E_TIMEOUT, and the message is
 * then not sent later either. A peer that has lost its connection gets it when it is back. */
rt_status rt_wire_send(rt_wire *w, const char *peer, rt_msg_type type, const void *body);
/* Waits at most `seconds` for the next good frame. RT_E_TIMEOUT when none came, or a signal did;
 * that is no error and fills no slot. RT_E_AUTH, from then on always, when a DEALER's keys are not
 * accepted. Call it often: it also lets new peers in, confirms what has arrived and sends again
 * what was lost. */
rt_status rt_wire_receive(rt_wire *w, double seconds, rt_frame *out);

#endif
