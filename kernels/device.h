/* Devices other than the CPU: their memory, copies, and a table of kernels with the same signatures as the CPU's.
 *
 *     rt_gpu *d = rt_gpu_open((rt_device){RT_OPENCL, 0});   // one per process; NULL: the error slot says why
 *     float *x = rt_gpu_alloc(d, bytes);                    // an address: the host may do arithmetic on it but not read it
 *     RT_TRY(rt_gpu_put(d, x, host, bytes));
 *     rt_exec *e = rt_exec_gpu(d);
 *     e->kernels->relu.f[RT_F32](e, ..., n, x, x + n);
 *     RT_TRY(rt_gpu_get(d, host, x + n, bytes));            // waits, and reports errors in kernels
 *     rt_gpu_free(d, x, bytes);
 *
 * A device carries out copies and kernels in the order of the calls, from all threads, and only rt_gpu_get and rt_gpu_wait wait for it.
 * Freed memory may therefore be reused immediately, since the reuse comes later in the order. Addresses come from a range of the process
 * that nobody can read: code that reads device memory by mistake crashes on the spot. The driver's library is loaded when the first
 * device is requested; without it there are no devices.
 *
 * If a device's `inexact` is empty, every float32 kernel gives the same bits as the CPU's (with the built-in gemm). */
#ifndef RINGTORCH_KERNELS_DEVICE_H
#define RINGTORCH_KERNELS_DEVICE_H

#include "kernels/exec.h"
#include <ringtorch/device.h>
#include <ringtorch/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rt_device_ops rt_device_ops;

typedef struct rt_gpu {
    const rt_device_ops *ops;
    rt_device device;
    char name[16];     /* "opencl:0" */
    char about[256];   /* the driver's name for it, and the driver's version */
    char inexact[128]; /* why its results may differ from the CPU's bits; empty: they are equal */
    int64_t memory;    /* bytes */
    bool has_double;
    bool always_wide; /* kernels use 64-bit indices even where 32 bits would do; for tests */
    struct rt__gpu_pool *pool;
    void *fault; /* an rt_gpu_fault on the device: the first error of a kernel */
} rt_gpu;

/* Returns the number of devices of a kind; 0 if its driver is not installed. */
int rt_gpu_count(rt_device_kind kind);
/* Returns a device, opened once per process and never closed; fails with DEVICE if it does not exist. */
rt_gpu *rt_gpu_open(rt_device device);
/* Parses "opencl:1", or "opencl" for the first. Returns false if that is not the name of a device, or names a kind that this library does
 * not know. */
bool rt_gpu_parse(const char *name, rt_device *out);
/* Writes the name of any device, also "cpu" and "cuda:1". */
void rt_gpu_name(rt_device device, char out[16]);

/* Returns the calling thread's execution context for kernels on that device. */
rt_exec *rt_exec_gpu(rt_gpu *d);

/* From now on calls f when a driver begins to compile kernels, which may take minutes on a busy processor. f is called on the thread that
 * waits for it, with the family of the kernels ("update"), a constant; when compilation is done, f is called with NULL. f NULL: no calls.
 * Applies to the whole process and must be set before a device is in use. */
typedef void rt_gpu_compiling_fn(const rt_gpu *d, const char *family);
void rt_gpu_on_compiling(rt_gpu_compiling_fn *f);

/* Allocates from the device's pool (kernels/gpu/pool.h): at least 64-byte aligned, contents undefined. NOMEM says how much is in use. */
void *rt_gpu_alloc(rt_gpu *d, size_t bytes);
void rt_gpu_free(rt_gpu *d, void *p, size_t bytes);
/* Returns unused memory to the driver. */
void rt_gpu_trim(rt_gpu *d);
typedef struct rt_gpu_memory_stats {
    int64_t used, held, most_used; /* bytes */
    int64_t segments;              /* ever requested from the driver */
} rt_gpu_memory_stats;
rt_gpu_memory_stats rt_gpu_memory(rt_gpu *d);
/* Resets most_used to what is in use now. */
void rt_gpu_memory_reset_peak(rt_gpu *d);

/* Copy from the host, to the host, and within the device. `from` of a put may change as soon as it returns. */
rt_status rt_gpu_put(rt_gpu *d, void *to, const void *from, size_t bytes);
rt_status rt_gpu_get(rt_gpu *d, void *to, const void *from, size_t bytes);
rt_status rt_gpu_copy(rt_gpu *d, void *to, const void *from, size_t bytes);
/* Waits until the device has done everything requested. Fails with an error that a kernel found (RANGE), or with the driver's (DEVICE). */
rt_status rt_gpu_wait(rt_gpu *d);

/* ---- a back end: one folder in kernels/gpu/ ---- */

/* One launch of a kernel: groups x groups_y groups of 256 items. */
typedef struct rt_launch {
    int text; /* the family that the kernel belongs to (kernels/gpu/launch.h) */
    const char *kernel;
    int64_t groups, groups_y;
    bool wide; /* some index needs more than 32 bits */
    const void *args;
    size_t args_size;
    const void *buffer[6]; /* addresses on the device, or NULL */
    int buffers;
} rt_launch;

struct rt_device_ops {
    rt_device_kind kind;
    const char *name;
    int (*count)(void);
    /* Opens a device and fills in its description. */
    rt_status (*open)(int index, rt_gpu **out);
    /* Allocates a whole segment for the pool to divide; returns NULL without an error if there is no more memory. */
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
