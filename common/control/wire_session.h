/* What one end knows about a conversation: which of the peer's messages have arrived, and which of its own are not yet
 * confirmed. Uses neither sockets nor a clock.
 *
 *     rt_status full = rt__session_queue(s, &letter);   // numbered s->sent, kept until confirmed
 *     while ((next = rt__session_next(s)) && give(next))
 *         rt__session_handed(s);
 *     ...
 *     rt__session_confirmed(s, head.ack);                        // from any frame of the peer's
 *     if (rt__session_arrived(s, head.seq) == RT__ARRIVED_NEW) deliver(frame);
 *     ...
 *     rt__session_rewind(s);                            // after a reconnect: hand over again
 *     rt__letter *open = rt__session_restart(s, talk);  // the other end has lost its state
 *     rt__session_requeue(s, open, now);
 *
 * Go-back-N (Tanenbaum, Computer Networks, 3.4.2): the receiver takes only the next number, so order and at-most-once
 * need no buffer on its side. Each conversation has a number, by which frames left over from an earlier one are
 * recognised. */
#ifndef RINGTORCH_COMMON_CONTROL_WIRE_SESSION_H
#define RINGTORCH_COMMON_CONTROL_WIRE_SESSION_H

#include "common/base/file.h"
#include "common/control/wire_frame.h"

enum { RT__UNCONFIRMED_MAX = 1024 }; /* beyond so many the peer's queue is full */

/* A message of our own. Its number follows from its place in the list, so a new conversation can renumber it. */
typedef struct rt__letter {
    struct rt__letter *next;
    rt_msg_type type;
    int64_t generation;
    double since;  /* when it was queued in this conversation */
    rt_bytes body; /* encoded */
} rt__letter;

/* Start with a zeroed struct, except for `talk`. */
typedef struct rt__session {
    char peer[RT__NAME_MAX];         /* routing id; "" on a DEALER */
    int64_t talk;                    /* number of the conversation */
    int64_t confirmed, handed, sent; /* own messages: confirmed <= handed <= sent */
    int64_t seen, acked; /* the peer's messages: the last one accepted, the last one we confirmed */
    double last_frame;   /* when the last frame of the peer arrived */
    double resend_asked; /* when we last asked for a resend; 0 if not since one came */
    bool awaiting_answer;     /* hand nothing over until the peer has answered what has arrived */
    rt__letter *first, *last; /* own messages confirmed+1..sent */
    rt__letter *next;         /* number handed+1, or NULL */
    /* For wire_peers.c. */
    uint64_t hash;
    struct rt__session *same_bucket, *before, *after;
    struct rt__queue *queue;
} rt__session;

/* Numbers and keeps a message; takes ownership of its body, also on failure. Fails with TIMEOUT if too many are
 * unconfirmed. */
rt_status rt__session_queue(rt__session *s, rt__letter *letter);
/* Returns the next message for the socket (borrowed), whose number is s->handed + 1, or NULL if there is none. */
const rt__letter *rt__session_next(const rt__session *s);
void rt__session_handed(rt__session *s);
/* Frees the messages that the peer has received; ignores an ack for messages that were never sent. */
void rt__session_confirmed(rt__session *s, int64_t ack);
void rt__session_rewind(rt__session *s);

typedef enum rt__arrival { RT__ARRIVED_NEW, RT__ARRIVED_AGAIN, RT__ARRIVED_EARLY } rt__arrival;
/* Classifies a received message's number, and counts the message as seen if it is the next. */
rt__arrival rt__session_arrived(rt__session *s, int64_t seq);

/* Begins conversation `talk` with nothing sent and nothing seen. Returns the unconfirmed messages of the previous
 * conversation, which now belong to the caller. */
rt__letter *rt__session_restart(rt__session *s, int64_t talk);
/* Queues them behind what was sent in the new conversation, without a limit, with `now` as their time. Drops those of a
 * type that was already sent in the new conversation, because the new message replaces the old one. */
void rt__session_requeue(rt__session *s, rt__letter *letters, double now);

void rt__session_release(rt__session *s);

#endif
