/* Sum over any set of axes. dx: dy everywhere. */
#include "worker/engine/ops/reduce/fold.h"

static rt_status sum_infer(rt_call *c)
{
    return rt__fold_infer(c, rt__fold_dtype(c, ((const rt_sum_args *)c->args)->dtype));
}

static rt_status sum_run(rt_call *c)
{
    return rt__fold_as(c, rt_exec_of(c)->kernels->sum);
}

static void sum_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_to(rt__fold_spread(c, dy[0]), c->in[0]->dtype);
}

#define SUM_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape") RT_SUM_VALUES(F)

const rt_op rt__op_sum = {
    .name = "sum",
    .help = "y = sum of x over the axes",
    RT_ARGS(rt_sum_args, SUM_FIELDS),
    .infer = sum_infer,
    .run = sum_run,
    .backward = sum_backward,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_sum_(rt_sum_args a)
{
    return rt_apply(&rt__op_sum, &a);
}
