/* What one end knows of a conversation: which messages it has, which of its own are not yet
 * confirmed. No sockets here, and no clock.
 *
 *     rt_status full = rt__session_queue(s, &letter);   // numbered s->sent, kept until confirmed
 *     while ((next = rt__session_next(s)) && give(next))
 *         rt__session_handed(s);
 *     ...
 *     rt__session_confirmed(s, head.ack);                        // from any frame of the peer's
 *     if (rt__session_arrived(s, head.seq) == RT__ARRIVED_NEW) deliver(frame);
 *     ...
 *     rt__session_rewind(s);                            // after a reconnect: hand over again
 *     rt__letter *open = rt__session_restart(s, talk);  // the other end has forgotten everything
 *     rt__session_requeue(s, open, now);
 *
 * Go-back-N (Tanenbaum, Computer Networks, 3.4.2): the receiver takes only the next number, so
 * order and at-most-once need no buffer on its side. A conversation has a number of its own, so
 * that what is left over from an earlier one is told apart. */
#ifndef RINGTORCH_COMMON_WIRE_SESSION_H
#define RINGTORCH_COMMON_WIRE_SESSION_H

#include "common/file.h"
#include "common/wire_frame.h"

enum { RT__UNCONFIRMED_MAX = 1024 }; /* a peer that confirms nothing for so long has a full queue */

/* A message of our own. Its number follows from its place, so that a new conversation can give it
 * another one. */
typedef struct rt__letter {
    struct rt__letter *next;
    rt_msg_type type;
    int64_t generation;
    double since;  /* when it was queued in this conversation */
    rt_bytes body; /* encoded */
} rt__letter;

/* Zero is a good start, but for `talk`. */
typedef struct rt__session {
    char peer[RT__NAME_MAX];         /* routing id; "" on a DEALER */
    int64_t talk;                    /* number of the conversation */
    int64_t confirmed, handed, sent; /* own messages: confirmed <= handed <= sent */
    int64_t seen, told;              /* the peer's: last one taken, last one confirmed to it */
    double heard;                    /* when the peer last said anything */
    double asked;                    /* when a resend was last asked for; 0: not since it came */
    bool asking;              /* nothing is handed over before the peer has said what it knows */
    rt__letter *first, *last; /* own messages confirmed+1..sent */
    rt__letter *next;         /* number handed+1; NULL: none */
    /* For wire_peers.c. */
    uint64_t hash;
    struct rt__session *same_bucket, *before, *after;
    struct rt__queue *queue;
} rt__session;

/* Numbers and keeps a message; takes its body over, also on failure. TIMEOUT when too many are
 * unconfirmed. */
rt_status rt__session_queue(rt__session *s, rt__letter *letter);
/* Returns the message to give to the socket now (borrowed), whose number is s->handed + 1; NULL if
 * there is none. */
const rt__letter *rt__session_next(const rt__session *s);
void rt__session_handed(rt__session *s);
/* Frees what the peer has; an ack for what was never sent changes nothing. */
void rt__session_confirmed(rt__session *s, int64_t ack);
void rt__session_rewind(rt__session *s);

typedef enum rt__arrival { RT__ARRIVED_NEW, RT__ARRIVED_AGAIN, RT__ARRIVED_EARLY } rt__arrival;
/* Judges a message's number, and moves on if it is the next. */
rt__arrival rt__session_arrived(rt__session *s, int64_t seq);

/* Begins conversation `talk` with nothing sent and nothing seen; returns the messages of the one
 * before that were not confirmed, which are the caller's now. */
rt__letter *rt__session_restart(rt__session *s, int64_t talk);
/* Queues them behind what was sent since, as of now, however many there are. A type that was sent
 * since is dropped from them: what was said anew replaces what was said before. */
void rt__session_requeue(rt__session *s, rt__letter *letters, double now);

void rt__session_release(rt__session *s);

#endif
