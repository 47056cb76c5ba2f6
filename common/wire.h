/* The control plane's wire: msgpack frames over ZeroMQ ROUTER/DEALER with CURVE.
 *
 *     rt_wire *w;                                              // coordinator
 *     RT_TRY(rt_wire_listen(&(rt_wire_options){.endpoint = "tcp://127.0.0.1:*", .keys = keys, .run
 * = id}, &w)); rt_frame f; while (rt_wire_receive(w, 0.1, &f) == RT_OK) {           //
 * RT_E_TIMEOUT: nothing came if (f.type == RT_MSG_HELLO) answer(f.peer, &f.body.hello);
 *         rt_frame_release(&f);
 *     }
 *
 * A frame is one msgpack array [version, run, generation, sender, seq, ack, type, body], at most
 * RT_WIRE_FRAME_MAX bytes, decoded against common/messages.def; anything else is refused, counted
 * and logged with its reason, and never reaches the caller. Per peer, frames arrive at most once
 * and in order; unacknowledged ones are sent again after a reconnect. One thread per rt_wire. */
#ifndef RINGTORCH_COMMON_WIRE_H
#define RINGTORCH_COMMON_WIRE_H

#include "common/messages.h"

enum {
    RT_WIRE_VERSION = 1,
    RT_WIRE_FRAME_MAX = 1 << 20,
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
/* ROUTER: frees what is kept about a peer that will not come back, e.g. when its generation has
 * ended. */
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
 * peer that is gone gives RT_E_CLOSED, a full queue RT_E_TIMEOUT, and the message is then not sent
 * later either. */
rt_status rt_wire_send(rt_wire *w, const char *peer, rt_msg_type type, const void *body);
/* Waits at most `seconds` for the next good frame. RT_E_TIMEOUT when none came, or a signal did;
 * that is no error and fills no slot. RT_E_AUTH, from then on always, when a DEALER's keys are not
 * accepted. Call it often: it also lets new peers in, confirms what has arrived and sends again
 * what was lost. */
rt_status rt_wire_receive(rt_wire *w, double seconds, rt_frame *out);

#endif
