/* Frames: a message as its receiver gets it, and as bytes, [version, run, generation, sender, talk, seq, ack, type, body]. What begins with
 * rt__ is private to wire*.c.
 *
 *     RT_TRY(rt_msg_encode(RT_MSG_HELLO, &hello, &body));
 *     RT_TRY(rt__frame_pack(&head, &body, &bytes));
 *     rt_frame f; rt__frame_head h;
 *     RT_TRY(rt__frame_decode(bytes.data, bytes.len, "run-17", &h, &f));
 */
#ifndef RINGTORCH_COMMON_CONTROL_WIRE_FRAME_H
#define RINGTORCH_COMMON_CONTROL_WIRE_FRAME_H

#include "common/control/messages_codec.h"

enum { RT_WIRE_VERSION = 2, RT_WIRE_FRAME_MAX = 1 << 22 };

/* One message received. */
typedef struct rt_frame {
    char peer[64];   /* the address for answers; unique per connection */
    char sender[64]; /* "worker 3" */
    int64_t generation;
    rt_msg_type type;
    rt_msg_body body; /* union of all message structs; strings and arrays owned by the frame */
} rt_frame;
void rt_frame_release(rt_frame *f);

/* Types of the wire's own frames, which carry no body, have seq 0 and never reach the caller. */
enum {
    RT__FRAME_ACK = 0,     /* carries only `ack` */
    RT__FRAME_RESEND = -1, /* asks to resend everything after `ack` */
    RT__FRAME_RESET = -2,  /* from a ROUTER: `talk` is unknown here, begin another conversation */
};

enum { RT__NAME_MAX = 64 }; /* bytes of a run id, a sender or a peer, including the zero */

typedef struct rt__frame_head {
    const char *run, *sender; /* for packing only; decoding puts the sender into the rt_frame */
    int64_t generation;
    int64_t talk; /* number of the conversation: 1, 2, 3, ...; the DEALER counts them */
    int64_t seq;  /* 1, 2, 3, ... for messages */
    int64_t ack;  /* every message up to this one has arrived */
    int64_t type;
} rt__frame_head;

/* Fails with RANGE if a message with a body of `body_bytes` bytes does not fit into a frame. */
rt_status rt__frame_fits(rt_msg_type type, size_t body_bytes);
/* Puts the head in front of an encoded body, which must fit; `body` is NULL for the wire's own types. */
rt_status rt__frame_pack(const rt__frame_head *head, const rt_bytes *body, rt_bytes *out);
/* Fails with PROTOCOL and the reason unless the bytes are a well-formed frame of this version and run. Leaves out->peer
 * empty. A frame of the wire's own types has no body and needs no release. */
rt_status rt__frame_decode(const void *data, size_t len, const char *run, rt__frame_head *head,
                           rt_frame *out);

#endif
