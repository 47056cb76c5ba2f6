/* What the files of this folder share: a device, its memory, its programs. */
#ifndef RINGTORCH_KERNELS_GPU_OPENCL_H
#define RINGTORCH_KERNELS_GPU_OPENCL_H

#include <pthread.h>
#include "kernels/gpu/launch.h"
#include "kernels/gpu/opencl/api.h"

/* A range of addresses that stands for a buffer. */
typedef struct rt_segment {
    char *first;
    size_t bytes;
    cl_memory memory;
} rt_segment;

enum { RT_KERNEL_SLOTS = 1024 };

typedef struct rt_opencl_device {
    rt_gpu base;
    const rt_opencl *cl;
    cl_device device;
    cl_context context;
    cl_queue queue; /* in order */
    pthread_mutex_t
        lock; /* of all that follows, and between setting a kernel's arguments and its start */
    rt_segment *segment; /* [segments], by address */
    int64_t segments, capacity;
    cl_program program[RT_TEXT_COUNT][2]; /* built when first needed; [1]: with 64-bit indices */
    struct {
        const char *name; /* the address of the literal is the key */
        bool wide;
        cl_kernel kernel;
    } kernel[RT_KERNEL_SLOTS];
} rt_opencl_device;

static inline rt_opencl_device *rt__opencl_of(rt_gpu *d)
{
    return (rt_opencl_device *)d;
}

/* Fails with what was being done and OpenCL's number, unless it is 0. */
rt_status rt__opencl_check(const rt_opencl_device *o, int32_t code, const char *what);

/* ---- memory.c ---- */
void *rt__opencl_segment(rt_gpu *d, size_t bytes);
void rt__opencl_segment_free(rt_gpu *d, void *segment, size_t bytes);
/* Finds the buffer that an address stands for, and the offset in it; false for what is no address of the device. The lock
 * is held. */
bool rt__opencl_find(const rt_opencl_device *o, const void *address, cl_memory *memory,
                     size_t *offset);

/* ---- program.c ---- */
/* Returns a kernel of a family, built or loaded if need be; NULL on failure. The lock is held. */
cl_kernel rt__opencl_kernel(rt_opencl_device *o, int text, const char *name, bool wide);

#endif
