/* Sum over any set of axes. dx: dy everywhere. */
#include "worker/engine/ops/reduce/fold.h"

/* Counts are int64, as in PyTorch. */
static rt_dtype sum_dtype(rt_dtype t)
{
    return rt__dtype_is_whole(t) ? RT_I64 : t;
}

static rt_status sum_infer(rt_call *c)
{
    return rt__fold_infer(c, sum_dtype(c->in[0]->dtype));
}

static rt_status sum_run(rt_call *c)
{
    const rt_tensor *x = rt_to(c->in[0], c->out[0]->dtype);
    return x ? rt__fold_run(c, x, rt_exec_of(c)->kernels->sum[x->dtype]) : rt_error_code();
}

static void sum_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__fold_spread(c, dy[0]);
}

#define SUM_FIELDS(F)                                                                              \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_INTEGERS | RT_TYPE(BOOL), "any shape")                   \
    RT_REDUCE_VALUES(F)

const rt_op rt__op_sum = {
    .name = "sum",
    .help = "y = sum of x over the axes",
    RT_ARGS(rt_reduce_args, SUM_FIELDS),
    .infer = sum_infer,
    .run = sum_run,
    .backward = sum_backward,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_sum_(rt_reduce_args a)
{
    return rt_apply(&rt__op_sum, &a);
}
