/* y_i = log(exp(x_i) / sum_j exp(x_j)) along one axis: dx = dy - exp(y) * sum(dy). The computation
 * itself works on the last axis. */
#include "worker/engine/ops/norm/rows.h"

/* ---- log_softmax of the last axis ---- */

static rt_status log_softmax_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->log_softmax[x->dtype](e, rt__rows_of(x), x->data, c->out[0]->data);
    return RT_OK;
}

static const rt_op log_softmax_grad_op;

static void log_softmax_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_apply(&log_softmax_grad_op, &(rt_rows_grad_args){.y = c->out[0], .dy = dy[0]});
}

static const rt_op log_softmax_rows_op = {
    .name = "log_softmax",
    RT_INTERNAL_ARGS(rt_rows_args, RT_ROWS_FIELDS),
    .infer = rt__infer_like_first,
    .run = log_softmax_run,
    .backward = log_softmax_backward,
    .saves_out = 1,
};

static rt_status log_softmax_grad_run(rt_call *c)
{
    const rt_tensor *y = c->in[0], *dy = c->in[1];
    rt_exec *e = rt_exec_of(c);
    e->kernels->log_softmax_dx[y->dtype](e, rt__rows_of(y), y->data, dy->data, c->out[0]->data);
    return RT_OK;
}

/* dx = dy - p * sum(dy), p = exp(y). With respect to y: -g * p * sum(dy); with respect to dy: g -
 * sum(g * p). */
static void log_softmax_grad_backward(rt_call *c, rt_tensor *const *gs, rt_tensor **dx)
{
    rt_tensor *dy = c->in[1], *g = gs[0], *gp = rt_mul(g, rt_exp(c->in[0]));
    if (rt_needs(c, 0))
        dx[0] = rt_neg(rt_mul(gp, rt__rows_sum(dy)));
    if (rt_needs(c, 1))
        dx[1] = rt_sub(g, rt__rows_sum(gp));
}

static const rt_op log_softmax_grad_op = {
    .name = "log_softmax_grad",
    RT_INTERNAL_ARGS(rt_rows_grad_args, RT_ROWS_GRAD_FIELDS),
    .infer = rt__infer_like_first,
    .run = log_softmax_grad_run,
    .backward = log_softmax_grad_backward,
    .saves_in = 1 << 0,
    .saves_in_for = (const uint32_t[]){1 << 1, 0},
};

/* ---- any axis ---- */

rt_tensor *rt_log_softmax_(rt_softmax_args a)
{
    return rt__rows_along(&log_softmax_rows_op, &a);
}

static void log_softmax_compose(rt_call *c)
{
    c->out[0] = rt__rows_along(&log_softmax_rows_op, c->args);
}

const rt_op rt__op_log_softmax = {
    .name = "log_softmax",
    .help = "y = log(softmax(x)) along the axis",
    RT_ARGS(rt_softmax_args, RT_SOFTMAX_FIELDS),
    .compose = log_softmax_compose,
    .derivatives = 4,
};
