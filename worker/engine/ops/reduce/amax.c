/* The largest over any set of axes. */
#include "worker/engine/ops/reduce/extreme.h"

static rt_status amax_run(rt_call *c)
{
    return rt__fold_run(c, c->in[0], rt_exec_of(c)->kernels->max[c->in[0]->dtype]);
}

const rt_op rt__op_amax = {
    .name = "amax",
    .help = "y = the largest x over the axes; NaN wins",
    RT_ARGS(rt_reduce_args, RT_EXTREME_FIELDS),
    .infer = rt__extreme_infer,
    .run = amax_run,
    .backward = rt__extreme_backward,
    .saves_in = 1,
    .saves_out = 1,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_amax_(rt_reduce_args a)
{
    return rt_apply(&rt__op_amax, &a);
}
