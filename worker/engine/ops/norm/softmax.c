/* y_i = exp(x_i) / sum_j exp(x_j) along one axis: dx = y * (dy - sum(dy * y)). The computation itself
 * works on the last axis. */
#include "worker/engine/ops/norm/rows.h"

/* ---- softmax of the last axis ---- */

static rt_status softmax_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->softmax[x->dtype](e, rt__rows_of(x), x->data, c->out[0]->data);
    return RT_OK;
}

static void softmax_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__softmax_grad(c->out[0], dy[0]);
}

static const rt_op softmax_rows_op = {
    .name = "softmax",
    RT_INTERNAL_ARGS(rt_rows_args, RT_ROWS_FIELDS),
    .infer = rt__infer_like_first,
    .run = softmax_run,
    .backward = softmax_backward,
    .saves_out = 1,
};

static rt_status softmax_grad_run(rt_call *c)
{
    const rt_tensor *y = c->in[0], *dy = c->in[1];
    rt_exec *e = rt_exec_of(c);
    e->kernels->softmax_dx[y->dtype](e, rt__rows_of(y), y->data, dy->data, c->out[0]->data);
    return RT_OK;
}

/* dx = y * (dy - s), s = sum(dy * y). With respect to y: g * (dy - s) - dy * sum(g * y); with respect to
 * dy: the same map applied to g. */
static void softmax_grad_backward(rt_call *c, rt_tensor *const *gs, rt_tensor **dx)
{
    rt_tensor *y = c->in[0], *dy = c->in[1], *g = gs[0];
    if (rt_needs(c, 0))
        dx[0] = rt_sub(rt_mul(g, rt_sub(dy, rt__rows_sum(rt_mul(dy, y)))),
                       rt_mul(dy, rt__rows_sum(rt_mul(g, y))));
    if (rt_needs(c, 1))
        dx[1] = rt__softmax_grad(y, g);
}

static const rt_op softmax_grad_op = {
    .name = "softmax_grad",
    RT_INTERNAL_ARGS(rt_rows_grad_args, RT_ROWS_GRAD_FIELDS),
    .infer = rt__infer_like_first,
    .run = softmax_grad_run,
    .backward = softmax_grad_backward,
    .saves_in = 1 << 0,
    .saves_in_for = (const uint32_t[]){1 << 1, 0},
};

rt_tensor *rt__softmax_grad(rt_tensor *y, rt_tensor *dy)
{
    return rt_apply(&softmax_grad_op, &(rt_rows_grad_args){.y = y, .dy = dy});
}

/* ---- any axis ---- */

rt_tensor *rt_softmax_(rt_softmax_args a)
{
    return rt__rows_along(&softmax_rows_op, &a);
}

static void softmax_compose(rt_call *c)
{
    c->out[0] = rt__rows_along(&softmax_rows_op, c->args);
}

const rt_op rt__op_softmax = {
    .name = "softmax",
    .help = "y = exp(x) / sum of exp(x) along the axis",
    RT_ARGS(rt_softmax_args, RT_SOFTMAX_FIELDS),
    .compose = softmax_compose,
};
