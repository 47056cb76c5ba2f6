/* The largest or smallest along an axis with its index, which gets the gradient; and both extremes. */
#include "worker/engine/ops/reduce/extreme.h"

/* arg: finds the index; all: finds the value among all elements. */
static void choose(rt_call *c, rt_tensor *(*arg)(rt_axis_args), rt_tensor *(*all)(rt_reduce_args))
{
    const rt_axis_args *a = c->args;
    rt_axis_args kept = *a;
    kept.keep_dim = true;
    if (rt__extreme_axis(c, a->axis) != RT_OK)
        return;
    rt_tensor *index = arg(kept), *x = c->in[0];
    if (!index)
        return;
    rt_tensor *values = a->axis == RT_NOT_GIVEN ? all((rt_reduce_args){.x = x, .keep_dim = true})
                                                : rt_gather(x, (int)a->axis, index);
    rt_dims dims = rt__fold_dims(x->dims, ((const rt_fold_plan *)c->plan)->axes, a->keep_dim);
    c->out[0] = rt_reshape(values, dims);
    c->out[1] = rt_reshape(index, dims);
}

RT_COMPOSITE_OF(max, 2, rt_axis_args, RT_AXIS_FIELDS,
                "the largest x along the axis, or of all x, and its index",
                .plan_size = sizeof(rt_fold_plan))
{
    choose(c, rt_argmax_, rt_amax_);
}

RT_COMPOSITE_OF(min, 2, rt_axis_args, RT_AXIS_FIELDS,
                "the smallest x along the axis, or of all x, and its index",
                .plan_size = sizeof(rt_fold_plan))
{
    choose(c, rt_argmin_, rt_amin_);
}

RT_COMPOSITE_OF(aminmax, 2, rt_axis_args, RT_AXIS_FIELDS,
                "the smallest and the largest x along the axis, or of all x; NaN wins",
                .plan_size = sizeof(rt_fold_plan))
{
    rt_reduce_args over = {.x = a->x, .keep_dim = a->keep_dim};
    if (rt__extreme_axis(c, a->axis) != RT_OK)
        return;
    if (a->axis != RT_NOT_GIVEN)
        over.axes = rt_shape(a->axis);
    c->out[0] = rt_amin_(over);
    c->out[1] = rt_amax_(over);
}

rt_extreme_results rt_max_(rt_axis_args a)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_max, &a, out, 2);
    return (rt_extreme_results){out[0], out[1]};
}

rt_extreme_results rt_min_(rt_axis_args a)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_min, &a, out, 2);
    return (rt_extreme_results){out[0], out[1]};
}

rt_aminmax_results rt_aminmax_(rt_axis_args a)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_aminmax, &a, out, 2);
    return (rt_aminmax_results){out[0], out[1]};
}
