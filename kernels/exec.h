/* What a kernel runs with: its first argument, one per calling thread and device.
 *
 *     rt_exec *e = rt_exec_cpu();
 *     e->kernels->softmax[RT_F32](e, rows, x, y);
 *     float *pack = rt_scratch(e, bytes);         // inside a kernel
 *
 * A table has no empty entries: what it lacks is a stand-in that computes nothing and notes its own name in e->missing.
 * The caller looks there after its kernels have run, and clears it. */
#ifndef RINGTORCH_KERNELS_EXEC_H
#define RINGTORCH_KERNELS_EXEC_H

#include <stddef.h>
#include <stdint.h>

typedef struct rt_kernels rt_kernels;

typedef struct rt_exec {
    const rt_kernels *kernels; /* the table of its device */
    void *device, *stream;     /* of the device's back end; NULL on the CPU */
    const char *missing; /* the kernel that was called last and is not there; NULL: none was */
    int threads;         /* how many a kernel may use, 1 or more */
    struct {
        void *data;
        size_t size;
    } scratch;
} rt_exec;

/* Returns the calling thread's, for the CPU; it stays the same until the thread ends. The first call of a process chooses the
 * kernels if rt_kernels_init has not: NULL with the error slot filled when that fails. */
rt_exec *rt_exec_cpu(void);

/* Returns e's scratch buffer, at least `bytes` long and aligned to 64; what it held is lost. One kernel call may hold it at a time.
 * It grows to the largest ever asked for and is kept, so that a training step after the first allocates nothing. NULL with the
 * error slot filled when memory is out. */
void *rt_scratch(rt_exec *e, size_t bytes);

#endif
