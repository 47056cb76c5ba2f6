/* Operations on rows along the last axis, or along another axis that is moved to the end and back. */
#include "worker/engine/ops/norm/rows.h"

#include "common/base/error.h"

rt_status rt__last_axes_check(const rt_call *c, int64_t axes)
{
    const rt_dims *x = &c->in[0]->dims;
    if (axes > x->n)
        return RT_FAIL(SHAPE, "%s: x %s has fewer than %lld axes", c->op->name, rt_dims_text(*x),
                       (long long)axes);
    rt_dims last = {.n = (int)axes};
    for (int i = 0; i < last.n; i++)
        last.d[i] = x->d[x->n - last.n + i];
    for (int k = 1; k < c->n_in; k++)
        if (c->in[k] && !rt__dims_equal(c->in[k]->dims, last))
            return RT_FAIL(SHAPE, "%s: %s %s, expected %s, the last %lld ax%s of x %s", c->op->name,
                           c->op->fields[k].name, rt_dims_text(c->in[k]->dims), rt_dims_text(last),
                           (long long)axes, axes == 1 ? "is" : "es", rt_dims_text(*x));
    return RT_OK;
}

rt_tensor *rt__rows_sum(rt_tensor *x)
{
    return rt_sum(x, rt_shape(-1), .keep_dim = true);
}

rt_tensor *rt__at_least(rt_tensor *x, double low)
{
    return rt_add(x, rt_detach(rt_sub(rt_clamp(x, .low = low), x)));
}

rt_tensor *rt__rows_along(const rt_op *op, const rt_softmax_args *a)
{
    rt_tensor *x = a->x;
    if (!rt__takes(op->name, x))
        return NULL;
    int i = rt__axis_or_scalar(op->name, a->axis, x->dims.n);
    if (i < 0)
        return NULL;
    if (a->dtype != RT_NO_DTYPE)
        x = rt_to(x, a->dtype);
    if (!x || x->dims.n == 0)
        return rt_reshape(rt_apply(op, &(rt_rows_args){.x = rt_reshape(x, rt_shape(1))}),
                          rt_shape());
    if (i == x->dims.n - 1)
        return rt_apply(op, &(rt_rows_args){.x = x});
    return rt_transpose(rt_apply(op, &(rt_rows_args){.x = rt_transpose(x, i, -1)}), i, -1);
}
