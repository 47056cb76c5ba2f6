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

#include <stddef.h>

void *rt__pool_alloc(size_t bytes);
void rt__pool_free(void *p, size_t bytes);
/* Gives back to the system what nobody uses, but for small blocks that threads keep and for gaps among used memory. */
void rt__pool_trim(void);
/* Hands the small blocks that the calling thread keeps to the pool. */
void rt__pool_thread_release(void);

#endif
