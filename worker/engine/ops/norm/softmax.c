/* y_i = exp(x_i) / sum_j exp(x_j) along one axis, and its logarithm.
 * softmax: dx = y * (dy - sum(dy * y)).   log_softmax: dx = dy - exp(y) * sum(dy).
 * The operations that compute work on the last axis; another one is moved there and back. */
#include "worker/engine/ops/ops.h"

#define ROWS_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "[..., len]")
typedef struct rows_args {
    RT_STRUCT(ROWS_FIELDS)
} rows_args;

#define GRAD_FIELDS(F)                                                                             \
    F(INPUT, y, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., len]")                                      \
    F(INPUT, dy, RT_NEEDED, RT_SAME | RT_FLOATS, "the same")
typedef struct grad_args {
    RT_STRUCT(GRAD_FIELDS)
} grad_args;

static rt_rows rows_of(const rt_tensor *x)
{
    int64_t len = x->dims.d[x->dims.n - 1];
    return (rt_rows){len ? x->numel / len : 0, len};
}

static rt_tensor *last_sum(rt_tensor *x)
{
    return rt_sum(x, rt_shape(-1), .keep_dim = true);
}

/* ---- softmax of the last axis ---- */

static rt_status softmax_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->softmax[x->dtype](e, rows_of(x), x->data, c->out[0]->data);
    return RT_OK;
}

static void softmax_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__softmax_grad(c->out[0], dy[0]);
}

static const rt_op softmax_rows_op = {
    .name = "softmax",
    RT_INTERNAL_ARGS(rows_args, ROWS_FIELDS),
    .infer = rt__infer_like_first,
    .run = softmax_run,
    .backward = softmax_backward,
    .saves_out = 1,
};

static rt_status softmax_grad_run(rt_call *c)
{
    const rt_tensor *y = c->in[0], *dy = c->in[1];
    rt_exec *e = rt_exec_of(c);
    e->kernels->softmax_dx[y->dtype](e, rows_of(y), y->data, dy->data, c->out[0]->data);
    return RT_OK;
}

/* dx = y * (dy - s), s = sum(dy * y): by y, g * (dy - s) - dy * sum(g * y); by dy, the same map of g. */
static void softmax_grad_backward(rt_call *c, rt_tensor *const *gs, rt_tensor **dx)
{
    rt_tensor *y = c->in[0], *dy = c->in[1], *g = gs[0];
    if (rt_needs(c, 0))
        dx[0] = rt_sub(rt_mul(g, rt_sub(dy, last_sum(rt_mul(dy, y)))),
                       rt_mul(dy, last_sum(rt_mul(g, y))));
    if (rt_needs(c, 1))
        dx[1] = rt__softmax_grad(y, g);
}

static const rt_op softmax_grad_op = {
    .name = "softmax_grad",
    RT_INTERNAL_ARGS(grad_args, GRAD_FIELDS),
    .infer = rt__infer_like_first,
    .run = softmax_grad_run,
    .backward = softmax_grad_backward,
    .saves_in = 3,
};

rt_tensor *rt__softmax_grad(rt_tensor *y, rt_tensor *dy)
{
    return rt_apply(&softmax_grad_op, &(grad_args){y, dy});
}

/* ---- log_softmax of the last axis ---- */

static rt_status log_softmax_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->log_softmax[x->dtype](e, rows_of(x), x->data, c->out[0]->data);
    return RT_OK;
}

static const rt_op log_softmax_grad_op;

static void log_softmax_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_apply(&log_softmax_grad_op, &(grad_args){c->out[0], dy[0]});
}

static const rt_op log_softmax_rows_op = {
    .name = "log_softmax",
    RT_INTERNAL_ARGS(rows_args, ROWS_FIELDS),
    .infer = rt__infer_like_first,
    .run = log_softmax_run,
    .backward = log_softmax_backward,
    .saves_out = 1,
};

static rt_status log_softmax_grad_run(rt_call *c)
{
    const rt_tensor *y = c->in[0], *dy = c->in[1];
    rt_exec *e = rt_exec_of(c);
    e->kernels->log_softmax_dx[y->dtype](e, rows_of(y), y->data, dy->data, c->out[0]->data);
    return RT_OK;
}

/* dx = dy - p * sum(dy), p = exp(y): by y, -g * p * sum(dy); by dy, g - sum(g * p). */
static void log_softmax_grad_backward(rt_call *c, rt_tensor *const *gs, rt_tensor **dx)
{
    rt_tensor *dy = c->in[1], *g = gs[0], *gp = rt_mul(g, rt_exp(c->in[0]));
    if (rt_needs(c, 0))
        dx[0] = rt_neg(rt_mul(gp, last_sum(dy)));
    if (rt_needs(c, 1))
        dx[1] = rt_sub(g, last_sum(gp));
}

static const rt_op log_softmax_grad_op = {
    .name = "log_softmax_grad",
    RT_INTERNAL_ARGS(grad_args, GRAD_FIELDS),
    .infer = rt__infer_like_first,
    .run = log_softmax_grad_run,
    .backward = log_softmax_grad_backward,
    .saves_in = 3,
};

/* ---- any axis ---- */

#define SOFTMAX_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(INT, axis, RT_NEEDED, RT_ANY, "the axis along which the result adds up to 1")
typedef struct softmax_args {
    RT_STRUCT(SOFTMAX_FIELDS)
} softmax_args;

static rt_tensor *along(const rt_op *op, rt_tensor *x, int64_t axis)
{
    if (!rt__takes(op->name, x))
        return NULL;
    int i = rt__axis_or_scalar(op->name, axis, x->dims.n);
    if (i < 0)
        return NULL;
    if (x->dims.n == 0)
        return rt_reshape(along(op, rt_reshape(x, rt_shape(1)), 0), rt_shape());
    if (i == x->dims.n - 1)
        return rt_apply(op, &(rows_args){x});
    return rt_transpose(rt_apply(op, &(rows_args){rt_transpose(x, i, -1)}), i, -1);
}

rt_tensor *rt_softmax(rt_tensor *x, int axis)
{
    return along(&softmax_rows_op, x, axis);
}

rt_tensor *rt_log_softmax(rt_tensor *x, int axis)
{
    return along(&log_softmax_rows_op, x, axis);
}

static void softmax_compose(rt_call *c)
{
    const softmax_args *a = c->args;
    c->out[0] = along(&softmax_rows_op, a->x, a->axis);
}

const rt_op rt__op_softmax = {
    .name = "softmax",
    .help = "y = exp(x) / sum of exp(x) along the axis",
    RT_ARGS(softmax_args, SOFTMAX_FIELDS),
    .compose = softmax_compose,
};

static void log_softmax_compose(rt_call *c)
{
    const softmax_args *a = c->args;
    c->out[0] = along(&log_softmax_rows_op, a->x, a->axis);
}

const rt_op rt__op_log_softmax = {
    .name = "log_softmax",
    .help = "y = log(softmax(x)) along the axis",
    RT_ARGS(softmax_args, SOFTMAX_FIELDS),
    .compose = log_softmax_compose,
};
