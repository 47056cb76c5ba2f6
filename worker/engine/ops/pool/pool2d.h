/* What both poolings share: the geometry of their windows, NCHW. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_POOL_POOL2D_H
#define RINGTORCH_WORKER_ENGINE_OPS_POOL_POOL2D_H

#include "worker/engine/ops/ops.h"

/* Infer of both: checks the arguments (rt_pool2d_args), computes the plan (rt_pool2d_shape), and describes the result. */
rt_status rt__pool2d_infer(rt_call *c);

/* Inputs of both gradients. */
#define RT_POOL2D_GRAD_FIELDS(F) F(INPUT, dy, RT_NEEDED, RT_FLOATS, "[n, c, oh, ow] or [c, oh, ow]")

#endif
