/* The execution context of kernels: their first argument, one per calling thread and device.
 *
 *     rt_exec *e = rt_exec_cpu();
 *     e->kernels->softmax[RT_F32](e, rows, x, y);
 *     float *pack = rt_scratch(e, bytes);         // inside a kernel
 *
 * A table has no empty entries: a missing kernel is a stand-in that computes nothing and records its own name in e->missing. The
 * caller checks that after its kernels have run, and clears it. */
#ifndef RINGTORCH_KERNELS_EXEC_H
#define RINGTORCH_KERNELS_EXEC_H

#include <stddef.h>
#include <stdint.h>

typedef struct rt_kernels rt_kernels;

typedef struct rt_exec {
    const rt_kernels *kernels; /* the table of its device */
    void *device, *stream;     /* owned by the device's back end; NULL on the CPU */
    const char *missing;       /* name of the last kernel called that does not exist; NULL: none */
    int threads;               /* threads that a kernel may use, at least 1 */
    struct {
        void *data;
        size_t size;
    } scratch;
} rt_exec;

/* Returns the calling thread's context for the CPU, the same one until the thread ends. The first call in a process chooses the
 * kernels if rt_kernels_init has not: NULL with the error slot filled if that fails. */
rt_exec *rt_exec_cpu(void);

/* Returns e's scratch buffer, at least `bytes` long and aligned to 64 bytes; its former contents are lost. Only one kernel call may
 * use it at a time. It grows to the largest size ever requested and is kept, so that a training step after the first allocates
 * nothing. NULL with the error slot filled if memory runs out. */
void *rt_scratch(rt_exec *e, size_t bytes);

/* Calls body(context, i) for each i from 0 to n - 1, on e's threads, each of which gets ascending numbers. A call from within a body runs
 * on its thread alone. */
void rt_exec_each(rt_exec *e, int64_t n, void (*body)(void *context, int64_t i), void *context);

#endif
