/* y_i = exp(x_i) / sum_j exp(x_j) along one axis, and its logarithm.
 * softmax: dx = y * (dy - sum(dy * y)).   log_softmax: dx = dy - exp(y) * sum(dy).
 * Operations work on the last axis; another one is moved there and back. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

typedef struct grad_args {
    rt_tensor *y, *dy;
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

/* ---- softmax ---- */

static rt_tensor *softmax_forward(rt_call *c)
{
    rt_tensor *x = rt__tensor_contiguous(c->in[0]);
    rt_tensor *y = x ? rt_out(c, x->dims, RT_F32) : NULL;
    if (y)
        rt_cpu()->softmax[RT_F32](rows_of(x), x->data, y->data);
    return y;
}

static void softmax_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    dx[0] = rt__softmax_grad(c->out, dy);
}

static const rt_op softmax_op = {
    "softmax", 1, softmax_forward, softmax_backward, .dtypes = RT_FLOATS, .saves = RT_SAVES_OUT};

static rt_tensor *softmax_grad_forward(rt_call *c)
{
    rt_tensor *y = rt__tensor_contiguous(c->in[0]), *dy = rt__tensor_contiguous(c->in[1]);
    rt_tensor *dx = y && dy ? rt_out(c, y->dims, RT_F32) : NULL;
    if (dx)
        rt_cpu()->softmax_dx[RT_F32](rows_of(y), y->data, dy->data, dx->data);
    return dx;
}

/* dx = y * (dy - s), s = sum(dy * y): by y, g * (dy - s) - dy * sum(g * y); by dy, the same map of
 * g. */
static void softmax_grad_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    rt_tensor *y = c->in[0], *dy = c->in[1];
    if (rt_needs(c, 0))
        dx[0] = rt_sub(rt_mul(g, rt_sub(dy, last_sum(rt_mul(dy, y)))),
                       rt_mul(dy, last_sum(rt_mul(g, y))));
    if (rt_needs(c, 1))
        dx[1] = rt__softmax_grad(y, g);
}

static const rt_op softmax_grad_op = {
    "softmax_grad",       2,
    softmax_grad_forward, softmax_grad_backward,
    .dtypes = RT_FLOATS,  .saves = RT_SAVES_IN(0) | RT_SAVES_IN(1)};

rt_tensor *rt__softmax_grad(rt_tensor *y, rt_tensor *dy)
{
    return rt_apply(&softmax_grad_op, &(grad_args){y, dy}, sizeof(grad_args));
}

/* ---- log_softmax ---- */

static rt_tensor *log_softmax_forward(rt_call *c)
{
    rt_tensor *x = rt__tensor_contiguous(c->in[0]);
    rt_tensor *y = x ? rt_out(c, x->dims, RT_F32) : NULL;
    if (y)
        rt_cpu()->log_softmax[RT_F32](rows_of(x), x->data, y->data);
    return y;
}

static const rt_op log_softmax_grad_op;

static void log_softmax_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    dx[0] = rt_apply(&log_softmax_grad_op, &(grad_args){c->out, dy}, sizeof(grad_args));
}

static const rt_op log_softmax_op = {"log_softmax",       1,
                                     log_softmax_forward, log_softmax_backward,
                                     .dtypes = RT_FLOATS, .saves = RT_SAVES_OUT};

static rt_tensor *log_softmax_grad_forward(rt_call *c)
{
    rt_tensor *y = rt__tensor_contiguous(c->in[0]), *dy = rt__tensor_contiguous(c->in[1]);
    rt_tensor *dx = y && dy ? rt_out(c, y->dims, RT_F32) : NULL;
    if (dx)
        rt_cpu()->log_softmax_dx[RT_F32](rows_of(y), y->data, dy->data, dx->data);
    return dx;
}

/* dx = dy - p * sum(dy), p = exp(y): by y, -g * p * sum(dy); by dy, g - sum(g * p). */
static void log_softmax_grad_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    rt_tensor *dy = c->in[1], *gp = rt_mul(g, rt_exp(c->in[0]));
    if (rt_needs(c, 0))
        dx[0] = rt_neg(rt_mul(gp, last_sum(dy)));
    if (rt_needs(c, 1))
        dx[1] = rt_sub(g, last_sum(gp));
}

static const rt_op log_softmax_grad_op = {
    "log_softmax_grad",       2,
    log_softmax_grad_forward, log_softmax_grad_backward,
    .dtypes = RT_FLOATS,      .saves = RT_SAVES_IN(0) | RT_SAVES_IN(1)};

/* ---- any axis ---- */

static rt_tensor *along(const rt_op *op, rt_tensor *x, int axis)
{
    if (!rt__takes(op->name, x))
        return NULL;
    int i = rt__axis_or_scalar(op->name, axis, x->dims.n);
    if (i < 0)
        return NULL;
    if (x->dims.n == 0)
        return rt_reshape(along(op, rt_reshape(x, rt_shape(1)), 0), rt_shape());
    if (i == x->dims.n - 1)
        return rt_apply(op, &x, sizeof x);
    rt_tensor *moved = rt_transpose(x, i, -1);
    return rt_transpose(rt_apply(op, &moved, sizeof moved), i, -1);
}

rt_tensor *rt_softmax(rt_tensor *x, int axis)
{
    return along(&softmax_op, x, axis);
}

rt_tensor *rt_log_softmax(rt_tensor *x, int axis)
{
    return along(&log_softmax_op, x, axis);
}
