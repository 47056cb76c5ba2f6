/* Counts the memory of tensors by the operation that made them, while a program has asked for that (rt_memory_count_by_op).
 *
 *     rt__maker m = rt__made_by(bytes);   // a storage is made
 *     rt__made_by_drop(m, bytes);         // and freed
 *
 * Costs a load for each storage while nobody asks. */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_MADE_BY_H
#define RINGTORCH_WORKER_ENGINE_BASE_MADE_BY_H

#include "worker/engine/base/thread.h"
#include <stddef.h>

/* Who made a storage: a row of the table, counted from 1, and when the count began. Zero: it is not counted. */
typedef struct rt__maker {
    uint32_t row, count;
} rt__maker;

/* How often a count began, or 0 while nothing is counted. */
extern _Atomic uint32_t rt__counting;

rt__maker rt__made_by_add(size_t bytes);
void rt__made_by_subtract(rt__maker m, size_t bytes);

/* Counts bytes for the calling thread's operation (rt__thread.op). */
static inline rt__maker rt__made_by(size_t bytes)
{
    return atomic_load_explicit(&rt__counting, memory_order_relaxed) ? rt__made_by_add(bytes)
                                                                     : (rt__maker){0, 0};
}
static inline void rt__made_by_drop(rt__maker m, size_t bytes)
{
    if (m.row)
        rt__made_by_subtract(m, bytes);
}

#endif
