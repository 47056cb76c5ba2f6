/* Extents: memory of any size, cut from segments that the system gave. An extent that is freed joins its free neighbours,
 * and one that is larger than what is asked for is split, so sizes that vary from step to step share the same memory.
 *
 *     void *p = rt__extent_alloc(bytes);   // 64-byte aligned, contents undefined; NULL: the error slot says why
 *     size_t size = rt__extent_bytes(p);   // what it was rounded up to
 *     rt__extent_free(p);
 *
 * This is best fit with boundary tags and a list for each class of sizes (Knuth, The Art of Computer Programming 1, 2.5;
 * the classes are those of the pool). Segments grow with what is held, so that few are needed. When the sum of all
 * segments would pass 1.3 times the most that was ever used at once, segments without a used extent go back to the
 * system first, and then the pages of free extents. Not thread-safe: the pool holds its lock. */
#ifndef RINGTORCH_ENGINE_EXTENTS_H
#define RINGTORCH_ENGINE_EXTENTS_H

#include <stddef.h>
#include <stdint.h>

typedef struct rt__extent_stats {
    size_t used,
        held; /* bytes in used extents; bytes of all segments but for what the system has back */
    int64_t segments; /* ever asked of the system */
} rt__extent_stats;

void *rt__extent_alloc(size_t bytes);
size_t rt__extent_bytes(const void *p);
void rt__extent_free(void *p);
/* Gives back every segment without a used extent. */
void rt__extent_trim(void);
rt__extent_stats rt__extents(void);

#endif
