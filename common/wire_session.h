/* What one end knows of a conversation: which messages it has, which of its own are not yet
 * confirmed. No sockets here.
 *
 *     rt_status full = rt__session_queue(s, &bytes);    // numbered s->sent, kept until confirmed
 *     while ((next = rt__session_next(s)) && give(next))
 *         rt__session_handed(s);
 *     ...
 *     rt__session_confirmed(s, head.ack);                        // from any frame of the peer's
 *     if (rt__session_arrived(s, head.seq) == RT__ARRIVED_NEW) deliver(frame);
 *     ...
 *     rt__session_rewind(s);                            // after a reconnect: hand over again
 *
 * Go-back-N (Tanenbaum, Computer Networks, 3.4.2): the receiver takes only the next number, so
 * order and at-most-once need no buffer on its side. */
#ifndef RINGTORCH_COMMON_WIRE_SESSION_H
#define RINGTORCH_COMMON_WIRE_SESSION_H

#include "common/file.h"
#include "common/wire_frame.h"

enum { RT__UNCONFIRMED_MAX = 1024 }; /* a peer that confirms nothing for so long has a full queue */

typedef struct rt__session {
    char peer[RT__NAME_MAX];         /* routing id; "" on a DEALER */
    int64_t confirmed, handed, sent; /* own messages: confirmed <= handed <= sent */
    int64_t seen, told;              /* the peer's: last one taken, last one confirmed to it */
    double asked;                    /* when a resend was last asked for */
    rt_bytes *ring;                  /* own messages confirmed+1..sent, number n at n % room */
    int64_t room;
} rt__session;

/* Numbers and keeps a frame that was encoded with seq == sent + 1; takes it over, also on failure.
 * TIMEOUT when too many are unconfirmed. */
rt_status rt__session_queue(rt__session *s, rt_bytes *frame);
/* Forgets the message queued last, which must not have been handed over. */
void rt__session_unqueue(rt__session *s);
/* Returns the next frame to give to the socket (borrowed), NULL if there is none. */
const rt_bytes *rt__session_next(const rt__session *s);
void rt__session_handed(rt__session *s);
/* Frees what the peer has; an ack for what was never sent changes nothing. */
void rt__session_confirmed(rt__session *s, int64_t ack);
void rt__session_rewind(rt__session *s);

typedef enum rt__arrival { RT__ARRIVED_NEW, RT__ARRIVED_AGAIN, RT__ARRIVED_EARLY } rt__arrival;
/* Judges a message's number, and moves on if it is the next. */
rt__arrival rt__session_arrived(rt__session *s, int64_t seq);

void rt__session_release(rt__session *s);

#endif
