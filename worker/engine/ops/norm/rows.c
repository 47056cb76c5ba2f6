/* Operations on rows along the last axis, or along another axis that is moved to the end and back. */
#include "worker/engine/ops/norm/rows.h"

rt_tensor *rt__rows_sum(rt_tensor *x)
{
    return rt_sum(x, rt_shape(-1), .keep_dim = true);
}

rt_tensor *rt__rows_along(const rt_op *op, rt_tensor *x, int64_t axis)
{
    if (!rt__takes(op->name, x))
        return NULL;
    int i = rt__axis_or_scalar(op->name, axis, x->dims.n);
    if (i < 0)
        return NULL;
    if (x->dims.n == 0)
        return rt_reshape(rt__rows_along(op, rt_reshape(x, rt_shape(1)), 0), rt_shape());
    if (i == x->dims.n - 1)
        return rt_apply(op, &(rt_rows_args){.x = x});
    return rt_transpose(rt_apply(op, &(rt_rows_args){.x = rt_transpose(x, i, -1)}), i, -1);
}
