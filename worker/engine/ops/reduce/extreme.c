/* Largest and smallest over any set of axes. */
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
