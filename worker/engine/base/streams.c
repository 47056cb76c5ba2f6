/* Random number streams: one per random operation, numbered within the module that runs it, so that a draw depends neither on what
 * other modules have drawn nor on whether they ran at all. */
#include "common/base/mem.h"
#include "worker/engine/base/thread.h"

enum { FIRST_CAPACITY = 64 };

void rt__streams_seek(rt_rng from)
{
    rt_streams *s = &rt__thread.streams;
    rt__thread.rng = from;
    s->used = 0;
    if (++s->since == 0) { /* the counter wrapped: old entries must not look current */
        for (uint32_t i = 0; i < s->capacity; i++)
            s->entry[i].since = 0;
        s->since = 1;
    }
}

void rt__streams_release(void)
{
    rt_mem_free(rt__thread.streams.entry);
    rt__thread.streams = (rt_streams){.since = rt__thread.streams.since};
}

/* Mixes all bits of a hash (splitmix64's last step): paths that differ only at their end differ in few bits. */
static uint64_t spread(uint64_t h)
{
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9u;
    h = (h ^ h >> 27) * 0x94D049BB133111EBu;
    return h ^ h >> 31;
}

/* Returns the path's entry, or the free entry where it belongs. */
static rt_draws *find(rt_draws *entry, uint32_t capacity, uint32_t since, uint64_t path)
{
    uint32_t i = (uint32_t)spread(path) & (capacity - 1);
    while (entry[i].since == since && entry[i].path != path)
        i = (i + 1) & (capacity - 1);
    return &entry[i];
}

static bool grow(rt_streams *s)
{
    uint32_t capacity = s->capacity ? 2 * s->capacity : FIRST_CAPACITY;
    rt_draws *entry = rt_calloc(capacity, sizeof *entry);
    if (!entry)
        return false;
    if (s->since == 0)
        s->since = 1; /* entries with since == 0 are free */
    for (uint32_t i = 0; i < s->capacity; i++)
        if (s->entry[i].since == s->since)
            *find(entry, capacity, s->since, s->entry[i].path) = s->entry[i];
    rt_mem_free(s->entry);
    s->entry = entry;
    s->capacity = capacity;
    rt__thread_register();
    return true;
}

rt_rng rt__next_stream(void)
{
    rt_thread *t = &rt__thread;
    rt_streams *s = &t->streams;
    rt_rng r = t->rng;
    if (t->path == 0) {
        t->rng.stream++;
        return r;
    }
    r.stream = 0;
    r.seed ^= spread(t->path);
    if (2 * s->used >= s->capacity && !grow(s))
        return r;
    rt_draws *d = find(s->entry, s->capacity, s->since, t->path);
    if (d->since != s->since) {
        *d = (rt_draws){.path = t->path, .since = s->since};
        s->used++;
    }
    r.stream = d->count++;
    return r;
}
