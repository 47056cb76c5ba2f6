/* The index of the largest element along an axis, or of all; no gradient. */
#include "worker/engine/ops/reduce/extreme.h"

static rt_status argmax_run(rt_call *c)
{
    return rt__arg_run(c, true);
}

const rt_op rt__op_argmax = {
    .name = "argmax",
    .help = "index of the first largest x along the axis, or of all x",
    RT_ARGS(rt_axis_args, RT_AXIS_FIELDS),
    .infer = rt__arg_infer,
    .run = argmax_run,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_argmax_(rt_axis_args a)
{
    return rt_apply(&rt__op_argmax, &a);
}
