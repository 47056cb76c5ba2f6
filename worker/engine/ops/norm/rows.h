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

/* Arguments of the same operation along an axis that the user chooses. */
#define RT_ALONG_FIELDS(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(INT, axis, RT_NEEDED, RT_ANY, "the axis that is summed over")
typedef struct RT_DESIGNATED rt_along_args {
    RT_STRUCT(RT_ALONG_FIELDS)
} rt_along_args;

/* Differentiable: applies an operation with rt_rows_args along any axis. */
rt_tensor *rt__rows_along(const rt_op *op, rt_tensor *x, int64_t axis);
/* Differentiable: the sum of each row, as [..., 1]. */
rt_tensor *rt__rows_sum(rt_tensor *x);

#endif
