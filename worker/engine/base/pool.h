/* The memory pool: blocks that are freed are kept and used again, by size class. A training step
 * after the first takes nothing from the system, whose fresh pages cost more than the arithmetic
 * done on them.
 *
 *     void *p = rt__pool_alloc(bytes);  // 64-byte aligned, contents undefined
 *     rt__pool_free(p, bytes);          // the size it was asked for
 *
 * Failure gives NULL and fills the error slot. Classes are four to a doubling, so at most a quarter
 * is lost. Thread-safe. Each thread keeps a few blocks of up to 1 KiB for itself, so that tensors
 * and graph nodes come without a lock; the statistics count those as used. */
#ifndef RINGTORCH_ENGINE_POOL_H
#define RINGTORCH_ENGINE_POOL_H

#include <stddef.h>

void *rt__pool_alloc(size_t bytes);
void rt__pool_free(void *p, size_t bytes);
/* Gives all cached blocks back to the system, but for those that threads keep. */
void rt__pool_trim(void);
/* Hands the small blocks that the calling thread keeps to the pool. */
void rt__pool_thread_release(void);

#endif
