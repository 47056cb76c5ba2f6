/* The index of the smallest element along an axis, or of all; no gradient. */
#include "worker/engine/ops/reduce/extreme.h"

static rt_status argmin_run(rt_call *c)
{
    return rt__arg_run(c, false);
}

const rt_op rt__op_argmin = {
    .name = "argmin",
    .help = "index of the first smallest x along the axis, or of all x",
    RT_ARGS(rt_axis_args, RT_AXIS_FIELDS),
    .infer = rt__arg_infer,
    .run = argmin_run,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_argmin_(rt_axis_args a)
{
    return rt_apply(&rt__op_argmin, &a);
}
