/* What operations on rows share; a row lies along the last axis.
 *
 *     e->kernels->softmax[x->dtype](e, rt__rows_of(x), x->data, y->data);
 *
 * Softmax and its logarithm take any axis: rt__rows_along moves it to the end and back. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_NORM_ROWS_H
#define RINGTORCH_WORKER_ENGINE_OPS_NORM_ROWS_H

#include "worker/engine/ops/ops.h"

static inline rt_rows rt__rows_of(const rt_tensor *x)
{
    int64_t len = x->dims.d[x->dims.n - 1];
    return (rt_rows){len ? x->numel / len : 0, len};
}

/* Arguments of an operation that computes along the last axis, and of its gradient. */
#define RT_ROWS_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "[..., len]")
typedef struct RT_DESIGNATED rt_rows_args {
    RT_STRUCT(RT_ROWS_FIELDS)
} rt_rows_args;
#define RT_ROWS_GRAD_FIELDS(F)                                                                     \
    F(INPUT, y, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., len]")                                      \
    F(INPUT, dy, RT_NEEDED, RT_SAME | RT_FLOATS, "the same")
typedef struct RT_DESIGNATED rt_rows_grad_args {
    RT_STRUCT(RT_ROWS_GRAD_FIELDS)
} rt_rows_grad_args;

/* Differentiable: applies an operation with rt_rows_args along any axis, to x converted to the type, if there is one. */
rt_tensor *rt__rows_along(const rt_op *op, const rt_softmax_args *a);
/* Differentiable: the sum of each row, as [..., 1]. */
rt_tensor *rt__rows_sum(rt_tensor *x);

/* Compose: fails unless x, the first input, has so many axes, and the others, which may be left out, have the shape of its last ones. */
rt_status rt__last_axes_check(const rt_call *c, int64_t axes);

/* max(x, low), whose gradient is that of x: it does not vanish below the limit. */
rt_tensor *rt__at_least(rt_tensor *x, double low);

#endif
