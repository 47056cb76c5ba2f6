/* Running sums. Their gradient are the running sums of dy from the end. */
#include "worker/engine/ops/scan/scan.h"

extern const rt_op rt__op_cumsum;
static const rt_op cumsum_from_end;

static rt_status cumsum_run(rt_call *c)
{
    return rt__scan_run(c, rt_exec_of(c)->kernels->cumsum, c->op == &cumsum_from_end);
}

static void cumsum_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const rt_op *other = c->op == &cumsum_from_end ? &rt__op_cumsum : &cumsum_from_end;
    rt_cumsum_args a = {.x = dy[0], .axis = *(const int *)c->plan, .dtype = RT_NO_DTYPE};
    dx[0] = rt_to(rt_apply(other, &a), c->in[0]->dtype);
}

const rt_op rt__op_cumsum = {
    .name = "cumsum",
    .help = "y[i] = y[i - 1] + x[i] along the axis",
    RT_ARGS(rt_cumsum_args, RT_CUMSUM_FIELDS),
    .infer = rt__scan_infer,
    .run = cumsum_run,
    .backward = cumsum_backward,
    .plan_size = sizeof(int),
};

static const rt_op cumsum_from_end = {
    .name = "cumsum",
    RT_ARGS(rt_cumsum_args, RT_CUMSUM_FIELDS),
    .infer = rt__scan_infer,
    .run = cumsum_run,
    .backward = cumsum_backward,
    .plan_size = sizeof(int),
};

rt_tensor *rt_cumsum_(rt_cumsum_args a)
{
    return rt_apply(&rt__op_cumsum, &a);
}
