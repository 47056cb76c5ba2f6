/* The memory pool: memory that is freed is kept and used again. A training step after the first takes nothing from the
 * system, whose fresh pages cost more than the arithmetic done on them.
 *
 *     void *p = rt__pool_alloc(bytes);  // 64-byte aligned, contents undefined
 *     rt__pool_free(p, bytes);          // the size it was asked for
 *
 * Failure gives NULL and fills the error slot. Small blocks, of up to 1 KiB, come in classes of sizes, and each thread
 * keeps a few of each for itself, so that tensors and graph nodes come without a lock; the statistics count those as used.
 * What is larger is cut from segments (extents.h): however the sizes vary, the pool holds at most about 1.3 times the most
 * that was in use at once. Thread-safe. */
#ifndef RINGTORCH_ENGINE_POOL_H
#define RINGTORCH_ENGINE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include "worker/engine/base/poison.h"
#include "worker/engine/base/size_class.h"
#include "worker/engine/base/thread.h"

/* Most small blocks of one size that a thread keeps. */
enum { RT_SMALL_KEPT = 256 };

/* The rest of rt__pool_alloc and rt__pool_free, for what the thread has not, or does not keep. */
void *rt__pool_alloc_shared(size_t bytes);
void rt__pool_free_shared(void *p, size_t bytes);

static inline void *rt__pool_alloc(size_t bytes)
{
    int class = rt__size_class(bytes);
    if (class >= RT_SMALL_CLASSES || !rt__thread.small[class].first)
        return rt__pool_alloc_shared(bytes);
    rt_small_blocks *own = &rt__thread.small[class];
    rt_small_block *b = own->first;
    RT_UNPOISON(b, rt__size_class_bytes(class));
    own->first = b->next;
    own->count--;
    return b;
}

static inline void rt__pool_free(void *p, size_t bytes)
{
    if (!p)
        return;
    int class = rt__size_class(bytes);
    if (class >= RT_SMALL_CLASSES || rt__thread.small[class].count == RT_SMALL_KEPT ||
        !rt__thread.registered) {
        rt__pool_free_shared(p, bytes);
        return;
    }
    rt_small_blocks *own = &rt__thread.small[class];
    rt_small_block *b = p;
    b->next = own->first;
    own->first = b;
    own->count++;
    RT_POISON(b, rt__size_class_bytes(class));
}
/* Gives back to the system what nobody uses, but for small blocks that threads keep and for gaps among used memory. */
void rt__pool_trim(void);
/* Hands the small blocks that the calling thread keeps to the pool. */
void rt__pool_thread_release(void);

#endif
