/* Running products. dx[i] = y[i - 1] * g[i] with g[i] = dy[i] + x[i + 1] * g[i + 1], which divides by nothing. */
#include "worker/engine/ops/scan/scan.h"

static const rt_op cumprod_from_end;

static rt_status cumprod_run(rt_call *c)
{
    return rt__scan_run(c, rt_exec_of(c)->kernels->cumprod, c->op == &cumprod_from_end);
}

static void cumprod_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    bool reverse = c->op == &cumprod_from_end;
    int axis = *(const int *)c->plan, next = reverse ? 1 : -1;
    if (c->in[0]->dims.n == 0) {
        dx[0] = rt_to(dy[0], c->in[0]->dtype);
        return;
    }
    rt_tensor *x = rt_to(c->in[0], dy[0]->dtype);
    rt_tensor *g = rt__recurrence(rt_conj(rt__shift(x, axis, next, 0)), dy[0], axis, !reverse);
    dx[0] = rt_to(rt_mul(rt_conj(rt__shift(c->out[0], axis, -next, 1)), g), c->in[0]->dtype);
}

const rt_op rt__op_cumprod = {
    .name = "cumprod",
    .help = "y[i] = y[i - 1] * x[i] along the axis",
    RT_ARGS(rt_cumsum_args, RT_CUMSUM_FIELDS),
    .infer = rt__scan_infer,
    .run = cumprod_run,
    .backward = cumprod_backward,
    .saves_in = 1,
    .saves_out = 1,
    .plan_size = sizeof(int),
};

static const rt_op cumprod_from_end = {
    .name = "cumprod",
    RT_ARGS(rt_cumsum_args, RT_CUMSUM_FIELDS),
    .infer = rt__scan_infer,
    .run = cumprod_run,
    .backward = cumprod_backward,
    .saves_in = 1,
    .saves_out = 1,
    .plan_size = sizeof(int),
};

rt_tensor *rt__cumprod(rt_tensor *x, int axis, bool reverse)
{
    rt_cumsum_args a = {.x = x, .axis = axis, .dtype = RT_NO_DTYPE};
    return rt_apply(reverse ? &cumprod_from_end : &rt__op_cumprod, &a);
}

rt_tensor *rt_cumprod_(rt_cumsum_args a)
{
    return rt_apply(&rt__op_cumprod, &a);
}
