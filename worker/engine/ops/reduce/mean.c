/* Mean over any set of axes. dx: dy / n everywhere. */
#include "common/base/error.h"
#include "worker/engine/ops/reduce/fold.h"

static rt_status mean_infer(rt_call *c)
{
    return rt__fold_infer(c, c->in[0]->dtype);
}

static rt_status mean_run(rt_call *c)
{
    const rt_tensor *x = c->in[0], *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    RT_TRY(rt__fold_run(c, x, e->kernels->sum[x->dtype]));
    e->kernels->scale[y->dtype](e, y->numel, 1.0 / (double)rt__fold_count(c), y->data, y->data);
    return RT_OK;
}

/* The gradient of an empty mean has no elements, but dividing by 0 here would still affect the second derivative. */
static void mean_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    int64_t count = rt__fold_count(c);
    dx[0] = rt__fold_spread(c, rt_mul_scalar(dy[0], 1.0 / (double)(count ? count : 1)));
}

const rt_op rt__op_mean = {
    .name = "mean",
    .help = "y = mean of x over the axes",
    RT_ARGS(rt_reduce_args, RT_REDUCE_FIELDS),
    .infer = mean_infer,
    .run = mean_run,
    .backward = mean_backward,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_mean_(rt_reduce_args a)
{
    return rt_apply(&rt__op_mean, &a);
}
