/* Largest and smallest elements, and where they are. */
#include "worker/engine/ops/reduce/extreme.h"

#include "common/base/error.h"

rt_status rt__extreme_infer(rt_call *c)
{
    RT_TRY(rt__fold_infer(c, c->in[0]->dtype));
    if (rt__fold_count(c) == 0)
        return RT_FAIL(SHAPE, "%s: %s has no elements along the reduced axes", c->op->name,
                       rt_describe(c->in[0]));
    return RT_OK;
}

rt_status rt__extreme_axis(rt_call *c, int64_t axis)
{
    RT_TRY(rt__fold_axis(c, axis));
    if (rt__fold_count(c) > 0)
        return RT_OK;
    if (axis == RT_NOT_GIVEN)
        return RT_FAIL(SHAPE, "%s: %s has no elements", c->op->name, rt_describe(c->in[0]));
    return RT_FAIL(SHAPE, "%s: %s has no elements along axis %lld", c->op->name,
                   rt_describe(c->in[0]), (long long)axis);
}

rt_status rt__arg_infer(rt_call *c)
{
    const rt_axis_args *a = c->args;
    RT_TRY(rt__extreme_axis(c, a->axis));
    uint32_t axes = ((const rt_fold_plan *)c->plan)->axes;
    return rt_result(c, 0, rt__fold_dims(c->in[0]->dims, axes, a->keep_dim), RT_I64);
}

rt_status rt__arg_run(rt_call *c, bool largest)
{
    const rt_axis_args *a = c->args;
    const rt_tensor *x = c->in[0], *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    rt_fold f = {1, x->numel, 1};
    if (a->axis != RT_NOT_GIVEN)
        f = rt__fold_of(x->dims, a->axis);
    if (y->numel == 0)
        return RT_OK;
    if (largest && f.inner == 1)
        e->kernels->argmax[x->dtype](e, (rt_rows){f.outer, f.red}, x->data, y->data);
    else
        e->kernels->extreme_at[x->dtype](e, f, largest, x->data, y->data);
    return RT_OK;
}

void rt__extreme_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const rt_fold_plan *plan = c->plan;
    rt_tensor *x = c->in[0];
    rt_tensor *chosen = rt_to(rt_eq(x, rt__fold_spread(c, c->out[0])), x->dtype);
    rt_dims axes = {0};
    for (int i = 0; i < x->dims.n; i++)
        if (plan->axes >> i & 1)
            axes.d[axes.n++] = i;
    rt_tensor *share = x->dims.n ? rt_div(chosen, rt_sum(chosen, axes, .keep_dim = true)) : chosen;
    dx[0] = rt_mul(rt__fold_spread(c, dy[0]), share);
}
