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
    int empty;     /* the result for no elements */
} rt_fold_plan;

/* Infer: makes the plan from axes as the caller counts them; none means all. */
rt_status rt__fold_axes(rt_call *c, rt_dims axes);
/* Infer of an operation whose arguments begin like rt_reduce_args: finds the axes and the shape of the result. */
rt_status rt__fold_infer(rt_call *c, rt_dtype dtype);
/* Run: folds x, which is the first input or a conversion of it, into the result. */
rt_status rt__fold_run(rt_call *c, const rt_tensor *x, rt_fold_fn *f);
/* The same into y, one of several results. */
rt_status rt__fold_into(const rt_call *c, const rt_tensor *x, rt_fold_fn *f, rt_tensor *y);
/* Infer of an operation whose argument dtype says the type of the result: the same, or that of x, or int64 for integers and bool. */
rt_dtype rt__fold_dtype(const rt_call *c, rt_dtype given);
/* Run: converts the first input to the type of the result, folds it by the kernel for the type that such results are computed in
 * (int64 for all integers, float32 for 16-bit floats), and converts that. */
rt_status rt__fold_as(rt_call *c, rt_fold_fn *const *kernels);
/* Returns that type, for a result of type t. */
rt_dtype rt__computed_in(rt_dtype t);
/* Returns how many elements are reduced to one element of the result. */
int64_t rt__fold_count(const rt_call *c);
/* Backward: returns dy, reshaped as with keep_dim, broadcast over the input. */
rt_tensor *rt__fold_spread(const rt_call *c, rt_tensor *dy);

/* Infer: makes the plan for one axis, or for all if it is not given. */
rt_status rt__fold_axis(rt_call *c, int64_t axis);

/* Returns the fold along one axis, which must be there. */
rt_fold rt__fold_of(rt_dims x, int64_t axis);
/* Returns the shape of the result for input shape x, with the reduced axes kept as 1 or dropped. */
rt_dims rt__fold_dims(rt_dims x, uint32_t axes, bool keep_dim);

#endif
