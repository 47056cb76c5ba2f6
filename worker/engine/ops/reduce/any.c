/* Whether any elements are different from 0; no gradient. */
#include "worker/engine/ops/reduce/truth.h"

static rt_status any_infer(rt_call *c)
{
    return rt__truth_infer(c, false);
}

static rt_status any_run(rt_call *c)
{
    return rt__truth_run(c, rt_exec_of(c)->kernels->max[RT_BOOL]);
}

const rt_op rt__op_any = {
    .name = "any",
    .help = "y = whether any x over the axes are different from 0",
    RT_ARGS(rt_reduce_args, RT_TRUTH_FIELDS),
    .infer = any_infer,
    .run = any_run,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_any_(rt_reduce_args a)
{
    return rt_apply(&rt__op_any, &a);
}
