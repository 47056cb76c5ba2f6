/* The conversations of one end, by the peer's name, and queues of those that need attention. Every operation costs the
 * same for ten peers as for ten thousand; private to wire*.c.
 *
 *     rt__session *s = rt__peers_find(&p, peer);
 *     if (!s) s = rt__peers_add(&p, peer);                     // NULL if memory runs out
 *     rt__peers_put(&p, s, &p.due);                            // queued once, however often put
 *     while ((s = rt__peers_take(&p, &p.due))) settle(s);      // first in, first out
 *     rt__peers_forget(&p, s);
 */
#ifndef RINGTORCH_COMMON_CONTROL_WIRE_PEERS_H
#define RINGTORCH_COMMON_CONTROL_WIRE_PEERS_H

#include "common/control/wire_session.h"

/* A queue of sessions. A session is in at most one queue. */
typedef struct rt__queue {
    rt__session *first, *last;
} rt__queue;

/* Start with a zeroed struct. */
typedef struct rt__peers {
    rt__session **bucket; /* [buckets], each a list; their number is a power of two */
    size_t buckets, count;
    size_t cursor;     /* bucket that rt__peers_next looks at next */
    rt__queue due;     /* we owe them a confirmation or have messages to hand over */
    rt__queue blocked; /* their socket accepts nothing now */
    int64_t looked_at; /* sessions compared, moved or visited so far; for tests of the cost */
} rt__peers;

/* Returns the session with that peer, or NULL. */
rt__session *rt__peers_find(rt__peers *p, const char *peer);
/* Adds a session with a new peer, beginning with conversation 1. */
rt__session *rt__peers_add(rt__peers *p, const char *peer);
/* Removes the session and frees it. */
void rt__peers_forget(rt__peers *p, rt__session *s);

/* Moves a session to the end of a queue; it leaves the queue it was in. */
void rt__peers_put(rt__peers *p, rt__session *s, rt__queue *line);
/* Removes and returns the first session of a queue, or NULL if it is empty. */
rt__session *rt__peers_take(rt__peers *p, rt__queue *line);
/* Returns the sessions of one bucket (a list by same_bucket), of the next bucket at each call, so that all can be
 * visited a few at a time. */
rt__session *rt__peers_next(rt__peers *p);

void rt__peers_release(rt__peers *p);

#endif
