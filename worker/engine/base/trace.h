/* Publishes which operation a thread is in, so that another thread can report where a rank hangs.
 *
 *     static rt_op_trace trace;
 *     rt__trace_into(&trace);                                   // the thread that computes
 *     ... operations ...
 *     puts(atomic_load(&trace.name));                           // any thread: "conv2d"
 *     rt__trace_into(NULL);                                     // before the trace goes away
 *
 * Costs two relaxed stores per operation, and nothing when no trace is set. */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_TRACE_H
#define RINGTORCH_WORKER_ENGINE_BASE_TRACE_H

#include "worker/engine/base/thread.h"

/* Publishes the calling thread's operations, forward and backward, in *trace; NULL stops that. */
static inline void rt__trace_into(rt_op_trace *trace)
{
    rt__thread.trace = trace;
}

/* Records that thread t begins an operation. A trace has one writer, its thread. */
static inline void rt__trace_op(const rt_thread *t, const char *name)
{
    rt_op_trace *trace = t->trace;
    if (!trace)
        return;
    int64_t count = atomic_load_explicit(&trace->count, memory_order_relaxed);
    atomic_store_explicit(&trace->name, name, memory_order_relaxed);
    atomic_store_explicit(&trace->count, count + 1, memory_order_relaxed);
}

#endif
