/* Runs a call on the CPU whose inputs lie on another device.
 *
 *     rt__fallback b;
 *     rt_status status = rt__fallback_begin(&b, c, gpu, "conv2d");   // c now has CPU copies of the inputs, and CPU results
 *     if (status == RT_OK)
 *         status = ... run(c);
 *     return rt__fallback_end(&b, c, status);                        // c has its own inputs again; results and saved tensors are on the device
 */
#ifndef RINGTORCH_WORKER_ENGINE_AUTOGRAD_FALLBACK_H
#define RINGTORCH_WORKER_ENGINE_AUTOGRAD_FALLBACK_H

#include "worker/engine/autograd/op.h"

typedef struct rt__fallback {
    rt_gpu *gpu;
    rt_tensor *const *in; /* the call's own inputs */
    rt_tensor **out;
    rt_tensor **copy; /* [n_in + n_out] on the CPU */
} rt__fallback;

/* kernel: the one that the device lacks, for the log, which gets one line per operation, kernel and element type. rt__fallback_end
 * must be called even if begin failed. */
rt_status rt__fallback_begin(rt__fallback *b, rt_call *c, rt_gpu *gpu, const char *kernel);
rt_status rt__fallback_end(rt__fallback *b, rt_call *c, rt_status status);

#endif
