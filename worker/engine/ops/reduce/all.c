/* Whether all elements are different from 0; no gradient. */
#include "worker/engine/ops/reduce/truth.h"

static rt_status all_infer(rt_call *c)
{
    return rt__truth_infer(c, true);
}

static rt_status all_run(rt_call *c)
{
    return rt__truth_run(c, rt_exec_of(c)->kernels->min[RT_BOOL]);
}

const rt_op rt__op_all = {
    .name = "all",
    .help = "y = whether all x over the axes are different from 0",
    RT_ARGS(rt_reduce_args, RT_TRUTH_FIELDS),
    .infer = all_infer,
    .run = all_run,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_all_(rt_reduce_args a)
{
    return rt_apply(&rt__op_all, &a);
}
