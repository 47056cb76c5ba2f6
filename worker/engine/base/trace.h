/* Which operation a thread is in, for another thread to see: so that a rank that hangs can say where.
 *
 *     static rt_op_trace trace;
 *     rt__trace_into(&trace);                                   // the thread that computes
 *     ... operations ...
 *     puts(atomic_load(&trace.name));                           // any thread: "conv2d"
 *     rt__trace_into(NULL);                                     // before the trace goes away
 *
 * Two relaxed stores an operation, and nothing at all where nobody looks. */
#ifndef RINGTORCH_ENGINE_TRACE_H
#define RINGTORCH_ENGINE_TRACE_H

#include "worker/engine/base/thread.h"

/* Lets the calling thread's operations, forward and backward, be seen in *trace; NULL: no more. */
static inline void rt__trace_into(rt_op_trace *trace)
{
    rt__thread.trace = trace;
}

/* Notes that thread t begins an operation. The one writer of a trace is its thread. */
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
