/* A hash table with lists; its size doubles when there are as many sessions as buckets. */
#include "common/control/wire_peers.h"

#include "common/base/hash.h"
#include "common/base/mem.h"
#include <stdio.h>
#include <string.h>

enum { FIRST_BUCKETS = 8 };

static rt__session **bucket_of(const rt__peers *p, uint64_t hash)
{
    return &p->bucket[hash & (p->buckets - 1)];
}

static uint64_t hash_of(const char *peer)
{
    return rt_hash64(peer, strlen(peer));
}

rt__session *rt__peers_find(rt__peers *p, const char *peer)
{
    if (p->count == 0)
        return NULL;
    uint64_t hash = hash_of(peer);
    for (rt__session *s = *bucket_of(p, hash); s; s = s->same_bucket) {
        p->looked_at++;
        if (s->hash == hash && strcmp(s->peer, peer) == 0)
            return s;
    }
    return NULL;
}

static void link_in(rt__peers *p, rt__session *s)
{
    rt__session **bucket = bucket_of(p, s->hash);
    p->looked_at++;
    s->same_bucket = *bucket;
    *bucket = s;
}

static bool grow(rt__peers *p)
{
    rt__peers larger = *p;
    larger.buckets = p->buckets ? 2 * p->buckets : FIRST_BUCKETS;
    larger.bucket = rt_calloc(larger.buckets, sizeof *larger.bucket);
    if (!larger.bucket)
        return false;
    for (size_t i = 0; i < p->buckets; i++) {
        rt__session *next;
        for (rt__session *s = p->bucket[i]; s; s = next) {
            next = s->same_bucket;
            link_in(&larger, s);
        }
    }
    rt_mem_free(p->bucket);
    *p = larger;
    return true;
}

rt__session *rt__peers_add(rt__peers *p, const char *peer)
{
    if (p->count == p->buckets && !grow(p))
        return NULL;
    rt__session *s = rt_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    snprintf(s->peer, sizeof s->peer, "%s", peer);
    s->talk = 1;
    s->hash = hash_of(s->peer);
    link_in(p, s);
    p->count++;
    return s;
}

/* ---- queues ---- */

static void leave_line(rt__session *s)
{
    rt__queue *line = s->queue;
    if (!line)
        return;
    *(s->before ? &s->before->after : &line->first) = s->after;
    *(s->after ? &s->after->before : &line->last) = s->before;
    s->before = s->after = NULL;
    s->queue = NULL;
}

void rt__peers_put(rt__peers *p, rt__session *s, rt__queue *line)
{
    if (s->queue == line)
        return;
    p->looked_at++;
    leave_line(s);
    s->queue = line;
    s->before = line->last;
    *(line->last ? &line->last->after : &line->first) = s;
    line->last = s;
}

rt__session *rt__peers_take(rt__peers *p, rt__queue *line)
{
    rt__session *s = line->first;
    if (s) {
        p->looked_at++;
        leave_line(s);
    }
    return s;
}

rt__session *rt__peers_next(rt__peers *p)
{
    if (p->buckets == 0)
        return NULL;
    p->cursor = (p->cursor + 1) & (p->buckets - 1);
    return p->bucket[p->cursor];
}

void rt__peers_forget(rt__peers *p, rt__session *s)
{
    rt__session **at = bucket_of(p, s->hash);
    leave_line(s);
    while (*at != s) {
        p->looked_at++;
        at = &(*at)->same_bucket;
    }
    *at = s->same_bucket;
    p->count--;
    rt__session_release(s);
    rt_mem_free(s);
}

void rt__peers_release(rt__peers *p)
{
    for (size_t i = 0; i < p->buckets; i++)
        while (p->bucket[i])
            rt__peers_forget(p, p->bucket[i]);
    rt_mem_free(p->bucket);
    *p = (rt__peers){0};
}
