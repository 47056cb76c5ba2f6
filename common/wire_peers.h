/* The conversations of one end, found by the peer's name, and which of them need attention. Every
 * operation costs the same with ten peers and with ten thousand; private to wire*.c.
 *
 *     rt__session *s = rt__peers_find(&p, peer);
 *     if (!s) s = rt__peers_add(&p, peer);                     // NULL: out of memory
 *     rt__peers_put(&p, s, &p.due);                            // once, however often it is said
 *     while ((s = rt__peers_take(&p, &p.due))) settle(s);      // first in, first out
 *     rt__peers_forget(&p, s);
 */
#ifndef RINGTORCH_COMMON_WIRE_PEERS_H
#define RINGTORCH_COMMON_WIRE_PEERS_H

#include "common/wire_session.h"

/* A line of sessions; a session stands in one line at most. */
typedef struct rt__queue {
    rt__session *first, *last;
} rt__queue;

/* Zero is a good start. */
typedef struct rt__peers {
    rt__session **bucket; /* [buckets], each a list; a power of two of them */
    size_t buckets, count;
    size_t cursor;     /* bucket that rt__peers_next looks at next */
    rt__queue due;     /* something is to be confirmed to them, or handed over */
    rt__queue blocked; /* their socket takes nothing now */
    int64_t looked_at; /* sessions that were compared, moved or visited so far: what tests count */
} rt__peers;

/* Returns NULL if there is none of that name. */
rt__session *rt__peers_find(rt__peers *p, const char *peer);
/* Adds one that is not there yet, with conversation 1. */
rt__session *rt__peers_add(rt__peers *p, const char *peer);
/* Takes it out and frees it. */
void rt__peers_forget(rt__peers *p, rt__session *s);

/* Puts a session at the end of a line, out of the one it stands in. */
void rt__peers_put(rt__peers *p, rt__session *s, rt__queue *line);
/* Takes the first one out of a line; NULL if it is empty. */
rt__session *rt__peers_take(rt__peers *p, rt__queue *line);
/* Returns the sessions of one bucket (a list by same_bucket), of another one at each call: a way to
 * look at all of them, a few at a time. */
rt__session *rt__peers_next(rt__peers *p);

void rt__peers_release(rt__peers *p);

#endif
