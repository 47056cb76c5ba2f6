/* The memory pool: freed memory is kept and reused. A training step after the first takes nothing from the system,
 * whose fresh pages cost more than the arithmetic done on them.
 *
 *     void *p = rt__pool_alloc(bytes);  // 64-byte aligned, contents undefined
 *     rt__pool_free(p, bytes);          // the size that was requested
 *
 * On failure returns NULL and fills the error slot. Small blocks, up to 1 KiB, come in size classes, and each thread keeps
 * a few of each class for itself, so that tensors and graph nodes are allocated without a lock; the statistics count these
 * blocks as used. Larger blocks are cut from segments (extents.h): however the sizes vary, the pool holds at most about
 * 1.3 times its peak use. Thread-safe. */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_POOL_H
#define RINGTORCH_WORKER_ENGINE_BASE_POOL_H

#include "worker/engine/base/poison.h"
#include "worker/engine/base/size_class.h"
#include "worker/engine/base/thread.h"
#include <stdbool.h>
#include <stddef.h>

/* The most small blocks of one size that a thread keeps. */
enum { RT_SMALL_KEPT = 256 };

/* The slow paths of rt__pool_alloc and rt__pool_free: the thread has no such block, or does not
 * keep this one. */
void *rt__pool_alloc_shared(size_t bytes);
void rt__pool_free_shared(void *p, size_t bytes);

static inline void *rt__pool_alloc(size_t bytes)
{
    int class = rt__small_size_class(bytes);
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
    int class = rt__small_size_class(bytes);
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
/* Returns unused memory to the system, except small blocks that threads keep and gaps between used blocks. */
void rt__pool_trim(void);
/* Hands the small blocks that the calling thread keeps to the pool. */
void rt__pool_thread_release(void);

#endif
