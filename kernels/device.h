/* Devices other than the CPU: their memory, copies, and a table of kernels that has the CPU's signatures.
 *
 *     rt_gpu *d = rt_gpu_open((rt_device){RT_OPENCL, 0});   // the same for the whole process; NULL: the error slot says why
 *     float *x = rt_gpu_alloc(d, bytes);                    // an address that the host may count with, not read
 *     RT_TRY(rt_gpu_put(d, x, host, bytes));
 *     rt_exec *e = rt_exec_gpu(d);
 *     e->kernels->relu.f[RT_F32](e, ..., n, x, x + n);
 *     RT_TRY(rt_gpu_get(d, host, x + n, bytes));            // waits, and tells of errors in kernels
 *     rt_gpu_free(d, x, bytes);
 *
 * What is called here and by kernels is carried out in the order of the calls, from whatever thread, and only rt_gpu_get
 * and rt_gpu_wait wait for it. Memory that is freed may be used again at once, since that comes later in the order. An
 * address is one of a range of the process's that nobody can read: what reads device memory by mistake crashes on the spot.
 * The driver's library is loaded when the first device is asked for; without it there are no devices.
 *
 * With a device that is `exact` every float32 kernel gives the bits of the CPU's (with the built-in gemm). */
#ifndef RINGTORCH_KERNELS_DEVICE_H
#define RINGTORCH_KERNELS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ringtorch/device.h>
#include <ringtorch/status.h>
#include "kernels/exec.h"

typedef struct rt_device_ops rt_device_ops;

typedef struct rt_gpu {
    const rt_device_ops *ops;
    rt_device device;
    char name[16];     /* "opencl:0" */
    char about[256];   /* what the driver calls it, and the driver's version */
    char inexact[128]; /* why its bits may not be the CPU's; empty: they are */
    int64_t memory;    /* bytes */
    bool has_double;
    bool always_wide; /* kernels compute with 64-bit indices even where 32 would do; for tests */
    struct rt__gpu_pool *pool;
    void *fault; /* an rt_gpu_fault on the device: the first error of a kernel */
} rt_gpu;

/* How many devices of a kind there are; 0 if its driver is not installed. */
int rt_gpu_count(rt_device_kind kind);
/* Returns a device, opened once in a process and never closed; DEVICE if there is none such. */
rt_gpu *rt_gpu_open(rt_device device);
/* Reads "opencl:1", or "opencl" for the first. False: that is no name of a device, or of one of a kind that this library knows. */
bool rt_gpu_parse(const char *name, rt_device *out);
/* Writes the name of any device, "cpu" and "cuda:1" too. */
void rt_gpu_name(rt_device device, char out[16]);

/* Returns what kernels on that device are called with by this thread. */
rt_exec *rt_exec_gpu(rt_gpu *d);

/* From the device's pool (kernels/gpu/pool.h); at least 64-byte aligned, contents undefined. NOMEM says what is in use. */
void *rt_gpu_alloc(rt_gpu *d, size_t bytes);
void rt_gpu_free(rt_gpu *d, void *p, size_t bytes);
/* Gives back to the driver what nobody uses. */
void rt_gpu_trim(rt_gpu *d);
typedef struct rt_gpu_memory_stats {
    int64_t used, held, most_used; /* bytes */
} rt_gpu_memory_stats;
rt_gpu_memory_stats rt_gpu_memory(rt_gpu *d);

/* Copies from the host, to the host, within the device. `from` of a put may change as soon as it returns. */
rt_status rt_gpu_put(rt_gpu *d, void *to, const void *from, size_t bytes);
rt_status rt_gpu_get(rt_gpu *d, void *to, const void *from, size_t bytes);
rt_status rt_gpu_copy(rt_gpu *d, void *to, const void *from, size_t bytes);
/* Waits for all that was asked of the device. Fails with what a kernel found wrong (RANGE), or the driver (DEVICE). */
rt_status rt_gpu_wait(rt_gpu *d);

/* ---- a back end: one folder in kernels/gpu/ ---- */

/* One launch of a kernel: groups x groups_y groups of 256 items. */
typedef struct rt_launch {
    int text; /* the family that the kernel belongs to (kernels/gpu/launch.h) */
    const char *kernel;
    int64_t groups, groups_y;
    bool wide; /* some extent needs more than 32 bits */
    const void *args;
    size_t args_size;
    const void *buffer[6]; /* addresses on the device, or NULL */
    int buffers;
} rt_launch;

struct rt_device_ops {
    rt_device_kind kind;
    const char *name;
    int (*count)(void);
    /* Fills what describes the device. */
    rt_status (*open)(int index, rt_gpu **out);
    /* Whole segments, which the pool divides; NULL, without an error, when there is no more memory. */
    void *(*segment)(rt_gpu *d, size_t bytes);
    void (*segment_free)(rt_gpu *d, void *segment, size_t bytes);
    rt_status (*put)(rt_gpu *d, void *to, const void *from, size_t bytes);
    rt_status (*get)(rt_gpu *d, void *to, const void *from, size_t bytes);
    rt_status (*copy)(rt_gpu *d, void *to, const void *from, size_t bytes);
    rt_status (*launch)(rt_gpu *d, const rt_launch *l);
    rt_status (*wait)(rt_gpu *d);
};
extern const rt_device_ops rt__opencl_ops;

#endif
