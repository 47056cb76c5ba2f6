/* A run on the CPU of a call whose inputs lie on another device.
 *
 *     rt__fallback b;
 *     rt_status status = rt__fallback_begin(&b, c, gpu, "conv2d");   // c has copies of inputs on the CPU, and results there
 *     if (status == RT_OK)
 *         status = ... run(c);
 *     return rt__fallback_end(&b, c, status);                        // c is as it was, results and what run saved are on the device
 */
#ifndef RINGTORCH_ENGINE_FALLBACK_H
#define RINGTORCH_ENGINE_FALLBACK_H

#include "worker/engine/autograd/op.h"

typedef struct rt__fallback {
    rt_gpu *gpu;
    rt_tensor *const *in; /* the call's own */
    rt_tensor **out;
    rt_tensor **copy; /* [n_in + n_out] on the CPU */
} rt__fallback;

/* kernel: what the device lacks, for the log: one line for each operation, kernel and element type. End must be called in any case. */
rt_status rt__fallback_begin(rt__fallback *b, rt_call *c, rt_gpu *gpu, const char *kernel);
rt_status rt__fallback_end(rt__fallback *b, rt_call *c, rt_status status);

#endif
