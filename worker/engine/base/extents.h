/* Extents: blocks of memory of any size, cut from large segments that come from the system. A freed extent merges with
 * its free neighbours, and an extent larger than the request is split, so sizes that vary from step to step share the
 * same memory.
 *
 *     void *p = rt__extent_alloc(bytes);   // 64-byte aligned, contents undefined; NULL: the error slot says why
 *     size_t size = rt__extent_bytes(p);   // the size after rounding up
 *     rt__extent_free(p);
 *
 * The allocator is best fit with boundary tags and one free list per size class (Knuth, The Art of Computer Programming
 * 1, 2.5; the classes are the pool's). Segments grow with the amount held, so that a few suffice. When the sum of all
 * segments would exceed 1.3 times the peak use, segments without a used extent go back to the system first, and then the
 * pages of free extents. Not thread-safe: the pool holds its lock. */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_EXTENTS_H
#define RINGTORCH_WORKER_ENGINE_BASE_EXTENTS_H

#include <stddef.h>
#include <stdint.h>

typedef struct rt__extent_stats {
    size_t used,
        held; /* bytes in used extents; bytes of all segments but for what the system has back */
    int64_t segments; /* ever requested from the system */
} rt__extent_stats;

void *rt__extent_alloc(size_t bytes);
size_t rt__extent_bytes(const void *p);
void rt__extent_free(void *p);
/* Returns every segment without a used extent to the system. */
void rt__extent_trim(void);
rt__extent_stats rt__extents(void);

#endif
