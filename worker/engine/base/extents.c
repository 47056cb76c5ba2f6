/* Extents with boundary tags: each begins with a header that points to its neighbours in the segment. */
#include "worker/engine/base/extents.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/base/poison.h"
#include "worker/engine/base/size_class.h"
#include <stdbool.h>
#include <sys/mman.h>

enum {
    GRAIN = 64,              /* all sizes, including the header's, are multiples of it */
    LEAST = 1024,            /* the remainder of a split has at least this size */
    SEGMENT_GRAIN = 1 << 16, /* segments are multiples of it */
    PAGES =
        1
        /* pages of a free extent are returned in multiples of this, a multiple of any system's page size */
        << 16,
    LOOKED_AT = 32, /* at most this many extents of a class are compared for the best fit */
};

typedef struct extent extent;
struct extent {
    size_t size; /* of the memory after the header */
    /* the neighbour at the lower address; NULL: this is the first in its segment */
    extent *before;
    extent *next, *former; /* the class's free list, if free */
    extent *newer, *older; /* the list of segments, linked through their first extents */
    size_t away;           /* bytes of a free extent whose pages were returned to the system */
    bool free, last;       /* last: in its segment */
} __attribute__((aligned(GRAIN)));

_Static_assert(sizeof(extent) == GRAIN, "memory that follows a header is aligned as the header is");

/* free extents by the largest class that they can serve */
static extent *list[RT_SIZE_CLASSES];
static uint64_t some[(RT_SIZE_CLASSES + 63) / 64]; /* bit c: list[c] is not empty */
static extent *segments;
static rt__extent_stats stats;
static size_t most_used;

static void *memory_of(extent *e)
{
    return e + 1;
}

static extent *after(extent *e)
{
    return e->last ? NULL : (extent *)((char *)memory_of(e) + e->size);
}

/* ---- free extents ---- */

/* Returns the largest class that an extent of that size can serve. */
static int class_filled(size_t size)
{
    int class = rt__size_class(size);
    return class > 0 && rt__size_class_bytes(class) > size ? class - 1 : class;
}

static void put(extent *e)
{
    int class = class_filled(e->size);
    e->free = true;
    e->former = NULL;
    e->next = list[class];
    if (e->next)
        e->next->former = e;
    list[class] = e;
    some[class / 64] |= 1ull << class % 64;
}

static void take(extent *e)
{
    int class = class_filled(e->size);
    e->free = false;
    if (e->next)
        e->next->former = e->former;
    if (e->former)
        e->former->next = e->next;
    else if (!(list[class] = e->next))
        some[class / 64] &= ~(1ull << class % 64);
}

static int next_class_with_some(int class)
{
    for (int word = class / 64; word < (int)(sizeof some / sizeof *some); word++) {
        uint64_t bits = some[word];
        if (word == class / 64)
            bits &= ~0ull << class % 64;
        if (bits)
            return 64 * word + __builtin_ctzll(bits);
    }
    return -1;
}

static extent *best_of(extent *first, size_t bytes)
{
    extent *best = NULL;
    int looked_at = 0;
    for (extent *e = first; e && looked_at < LOOKED_AT; e = e->next, looked_at++)
        if (e->size >= bytes && (!best || e->size < best->size))
            best = e;
    return best;
}

/* Returns a free extent of at least that size, or NULL. Only in the first class may some extents be too small. */
static extent *find(size_t bytes)
{
    for (int class = class_filled(bytes); (class = next_class_with_some(class)) >= 0; class ++) {
        extent *best = best_of(list[class], bytes);
        if (best)
            return best;
    }
    return NULL;
}

/* ---- splitting and joining ---- */

/* Shrinks e, which is in use, to that size if the remainder is worth a header. */
static void split(extent *e, size_t bytes)
{
    if (e->size < bytes + sizeof(extent) + LEAST)
        return;
    extent *rest = (extent *)((char *)memory_of(e) + bytes), *follower = after(e);
    RT_UNPOISON(rest, sizeof *rest);
    *rest = (extent){.size = e->size - bytes - sizeof(extent), .before = e, .last = e->last};
    if (follower)
        follower->before = rest;
    e->size = bytes;
    e->last = false;
    RT_POISON(memory_of(rest), rest->size);
    put(rest);
}

/* Merges e with the neighbour after it. */
static void join(extent *e, extent *neighbour)
{
    extent *follower = after(neighbour);
    e->size += sizeof(extent) + neighbour->size;
    e->away += neighbour->away;
    e->last = neighbour->last;
    if (follower)
        follower->before = e;
    RT_POISON(neighbour, sizeof *neighbour);
}

/* ---- segments ---- */

static void release(extent *segment)
{
    take(segment);
    if (segment->newer)
        segment->newer->older = segment->older;
    else
        segments = segment->older;
    if (segment->older)
        segment->older->newer = segment->newer;
    stats.held -= segment->size - segment->away;
    RT_UNPOISON(memory_of(segment), segment->size);
    rt_mem_free(segment);
}

static bool is_spare(const extent *segment)
{
    return segment->free && segment->last;
}

/* Returns the most that may be held once `bytes` more are in use: 1.3 times the peak use. */
static size_t most_held(size_t bytes)
{
    size_t used = stats.used + bytes;
    return (used > most_used ? used : most_used) / 10 * 13;
}

static bool is_over(size_t bytes)
{
    return stats.held + bytes > most_held(bytes);
}

/* Returns the pages of a free extent to the system, except partial pages at its ends. */
static void give_pages_back(extent *e)
{
#ifdef MADV_DONTNEED
    uintptr_t begin = ((uintptr_t)memory_of(e) + PAGES - 1) / PAGES * PAGES;
    uintptr_t end = ((uintptr_t)memory_of(e) + e->size) / PAGES * PAGES;
    size_t bytes = end > begin ? end - begin : 0;
    if (bytes > e->away && madvise((void *)begin, bytes, MADV_DONTNEED) == 0) {
        stats.held -= bytes - e->away;
        e->away = bytes;
    }
#else
    (void)e;
#endif
}

/* Returns the pages of free extents to the system where their segments cannot be released because others in them are
 * used. */
static void empty_gaps(size_t bytes)
{
    for (int class = RT_SIZE_CLASSES - 1; class >= rt__size_class(PAGES) && is_over(bytes);
         class --)
        for (extent *e = list[class]; e && is_over(bytes); e = e->next)
            give_pages_back(e);
}

/* Returns memory to the system until `bytes` more fit within the bound, if possible. Of the spare segments the oldest
 * go first: the newer ones were needed although the older ones existed. */
static void make_room(size_t bytes)
{
    extent *oldest = segments, *newer;
    while (oldest && oldest->older)
        oldest = oldest->older;
    for (; oldest && is_over(bytes); oldest = newer) {
        newer = oldest->newer;
        if (is_spare(oldest))
            release(oldest);
    }
    empty_gaps(bytes);
}

/* A new segment is an eighth of what is held, if the bound allows it: a few large segments fit more sizes than many
 * small ones. */
static size_t segment_size(size_t bytes)
{
    size_t wish = stats.held / 8 > bytes ? stats.held / 8 : bytes;
    wish = (wish + sizeof(extent) + SEGMENT_GRAIN - 1) / SEGMENT_GRAIN * SEGMENT_GRAIN;
    wish -= sizeof(extent);
    return bytes < SEGMENT_GRAIN / 2 || stats.held + wish <= most_held(bytes) ? wish : bytes;
}

static extent *new_segment(size_t bytes)
{
    make_room(bytes);
    size_t size = segment_size(bytes);
    bool failed_before = rt_failed();
    extent *e = rt_malloc_aligned(GRAIN, sizeof *e + size);
    if (!e) { /* retry with the minimum after returning all spare memory */
        rt__extent_trim();
        size = bytes;
        if (!failed_before)
            rt_error_clear();
        e = rt_malloc_aligned(GRAIN, sizeof *e + size);
    }
    if (!e)
        return NULL;
    *e = (extent){.size = size, .last = true, .older = segments};
    if (segments)
        segments->newer = e;
    segments = e;
    stats.held += size;
    stats.segments++;
    return e;
}

/* ---- the public functions ---- */

void *rt__extent_alloc(size_t bytes)
{
    bytes = (bytes + GRAIN - 1) / GRAIN * GRAIN;
    extent *e = find(bytes);
    if (e)
        take(e);
    else
        e = new_segment(bytes);
    if (!e)
        return NULL;
    bool comes_back = e->away > 0; /* its pages come back once they are touched */
    stats.held += e->away;
    e->away = 0;
    split(e, bytes);
    RT_UNPOISON(memory_of(e), e->size);
    stats.used += e->size;
    if (stats.used > most_used)
        most_used = stats.used;
    if (comes_back)
        make_room(0);
    return memory_of(e);
}

size_t rt__extent_bytes(const void *p)
{
    return ((const extent *)p - 1)->size;
}

void rt__extent_free(void *p)
{
    extent *e = (extent *)p - 1, *neighbour = after(e);
    stats.used -= e->size;
    RT_POISON(p, e->size);
    if (neighbour && neighbour->free) {
        take(neighbour);
        join(e, neighbour);
    }
    if (e->before && e->before->free) {
        neighbour = e;
        e = e->before;
        take(e);
        join(e, neighbour);
    }
    put(e);
}

void rt__extent_trim(void)
{
    extent *older;
    for (extent *e = segments; e; e = older) {
        older = e->older;
        if (is_spare(e))
            release(e);
    }
    most_used = stats.used;
}

rt__extent_stats rt__extents(void)
{
    return stats;
}
