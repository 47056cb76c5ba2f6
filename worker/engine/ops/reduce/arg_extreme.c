/* The index of the largest or smallest element along an axis, or of all; no gradient. */
#include "common/base/error.h"
#include "worker/engine/ops/reduce/extreme.h"

static rt_status arg_infer(rt_call *c)
{
    const rt_axis_args *a = c->args;
    RT_TRY(rt__extreme_axis(c, a->axis));
    uint32_t axes = ((const rt_fold_plan *)c->plan)->axes;
    return rt_result(c, 0, rt__fold_dims(c->in[0]->dims, axes, a->keep_dim), RT_I64);
}

static rt_status arg_run(rt_call *c, bool largest)
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

static rt_status argmax_run(rt_call *c)
{
    return arg_run(c, true);
}

static rt_status argmin_run(rt_call *c)
{
    return arg_run(c, false);
}

const rt_op rt__op_argmax = {
    .name = "argmax",
    .help = "index of the first largest x along the axis, or of all x",
    RT_ARGS(rt_axis_args, RT_AXIS_FIELDS),
    .infer = arg_infer,
    .run = argmax_run,
    .plan_size = sizeof(rt_fold_plan),
};

const rt_op rt__op_argmin = {
    .name = "argmin",
    .help = "index of the first smallest x along the axis, or of all x",
    RT_ARGS(rt_axis_args, RT_AXIS_FIELDS),
    .infer = arg_infer,
    .run = argmin_run,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_argmax_(rt_axis_args a)
{
    return rt_apply(&rt__op_argmax, &a);
}

rt_tensor *rt_argmin_(rt_axis_args a)
{
    return rt_apply(&rt__op_argmin, &a);
}
