/* What the files of this folder share: a device, its memory, its programs. */
#ifndef RINGTORCH_KERNELS_GPU_OPENCL_OPENCL_H
#define RINGTORCH_KERNELS_GPU_OPENCL_OPENCL_H

#include "kernels/gpu/launch.h"
#include "kernels/gpu/opencl/api.h"
#include <pthread.h>

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
    /* protects everything below, and the time between setting a kernel's arguments and its start */
    pthread_mutex_t lock;
    rt_segment *segment; /* [segments], by address */
    int64_t segments, capacity;
    cl_program program[RT_TEXT_COUNT][2]; /* built when first needed; [1]: for 64-bit indices */
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

/* Fails, naming the operation `what` and OpenCL's error number, unless that is 0. */
rt_status rt__opencl_check(const rt_opencl_device *o, int32_t code, const char *what);

/* ---- memory.c ---- */
void *rt__opencl_segment(rt_gpu *d, size_t bytes);
void rt__opencl_segment_free(rt_gpu *d, void *segment, size_t bytes);
/* Finds the buffer that an address stands for, and the offset in it; returns false if it is not an address of the device.
 * The caller holds the lock. */
bool rt__opencl_find(const rt_opencl_device *o, const void *address, cl_memory *memory,
                     size_t *offset);

/* ---- program.c ---- */
/* Returns a kernel that has already been made, or NULL. The caller holds the lock. */
cl_kernel rt__opencl_kernel(const rt_opencl_device *o, const char *name, bool wide);
/* Makes a kernel of a family, building or loading its program if needed; NULL on failure. The caller holds the lock. */
cl_kernel rt__opencl_make_kernel(rt_opencl_device *o, int text, const char *name, bool wide);

#endif
