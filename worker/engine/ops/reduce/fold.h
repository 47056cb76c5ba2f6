/* What reductions over a set of axes share: a series of folds [outer, red, inner] -> [outer, inner].
 *
 *     static rt_status sum_infer(rt_call *c) { return rt__fold_infer(c, c->in[0]->dtype); }
 *     static rt_status sum_run(rt_call *c)
 *     {
 *         return rt__fold_run(c, c->in[0], rt_exec_of(c)->kernels->sum[c->in[0]->dtype]);
 *     } */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_REDUCE_FOLD_H
#define RINGTORCH_WORKER_ENGINE_OPS_REDUCE_FOLD_H

#include "worker/engine/ops/ops.h"

typedef void rt_fold_fn(rt_exec *e, rt_fold f, const void *x, void *y);

/* The plan of a reduction. */
typedef struct rt_fold_plan {
    uint32_t axes; /* bit i: axis i is reduced */
} rt_fold_plan;

/* Infer: makes the plan from axes as the caller counts them; none means all. */
rt_status rt__fold_axes(rt_call *c, rt_dims axes);
/* Infer of an operation on rt_reduce_args: finds the axes and the shape of the result. */
rt_status rt__fold_infer(rt_call *c, rt_dtype dtype);
/* Run: folds x, which is the first input or a conversion of it, into the result. */
rt_status rt__fold_run(rt_call *c, const rt_tensor *x, rt_fold_fn *f);
/* The same into y, one of several results. */
rt_status rt__fold_into(const rt_call *c, const rt_tensor *x, rt_fold_fn *f, rt_tensor *y);
/* Returns how many elements are reduced to one element of the result. */
int64_t rt__fold_count(const rt_call *c);
/* Backward: returns dy, reshaped as with keep_dim, broadcast over the input. */
rt_tensor *rt__fold_spread(const rt_call *c, rt_tensor *dy);

/* Returns the shape of the result for input shape x, with the reduced axes kept as 1 or dropped. */
rt_dims rt__fold_dims(rt_dims x, uint32_t axes, bool keep_dim);

#endif
