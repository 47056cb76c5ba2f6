/* The mean of each window. It is linear: the gradient of its gradient is the pooling again. */
#include "worker/engine/ops/pool/pool2d.h"

typedef struct RT_DESIGNATED grad_args {
    RT_STRUCT(RT_POOL2D_GRAD_FIELDS)
    rt_dims dims; /* of x */
    rt_pool2d_shape s;
} grad_args;

static const rt_op avg_pool2d_grad_op;

static rt_status avg_pool2d_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->avg_pool2d[x->dtype](e, c->plan, x->data, c->out[0]->data);
    return RT_OK;
}

static void avg_pool2d_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const rt_pool2d_shape *s = c->plan;
    dx[0] =
        rt_apply(&avg_pool2d_grad_op, &(grad_args){.dy = dy[0], .dims = c->in[0]->dims, .s = *s});
}

const rt_op rt__op_avg_pool2d = {
    .name = "avg_pool2d",
    .help = "y = sum over each window / (kh kw)",
    RT_ARGS(rt_pool2d_args, RT_POOL2D_FIELDS),
    .infer = rt__pool2d_infer,
    .run = avg_pool2d_run,
    .backward = avg_pool2d_backward,
    .plan_size = sizeof(rt_pool2d_shape),
};

rt_tensor *rt_avg_pool2d_(rt_pool2d_args a)
{
    return rt_apply(&rt__op_avg_pool2d, &a);
}

/* ---- the gradient ---- */

static rt_status avg_pool2d_grad_infer(rt_call *c)
{
    return rt_result(c, 0, ((const grad_args *)c->args)->dims, c->in[0]->dtype);
}

static rt_status avg_pool2d_grad_run(rt_call *c)
{
    const grad_args *a = c->args;
    const rt_tensor *dy = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->avg_pool2d_dx[dy->dtype](e, &a->s, dy->data, c->out[0]->data);
    return RT_OK;
}

static void avg_pool2d_grad_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    const rt_pool2d_shape *s = &((const grad_args *)c->args)->s;
    dx[0] =
        rt_avg_pool2d(g[0], {s->kh, s->kw}, {s->stride[0], s->stride[1]}, {s->pad[0], s->pad[1]});
}

static const rt_op avg_pool2d_grad_op = {
    .name = "avg_pool2d_grad",
    RT_INTERNAL_ARGS(grad_args, RT_POOL2D_GRAD_FIELDS),
    .infer = avg_pool2d_grad_infer,
    .run = avg_pool2d_grad_run,
    .backward = avg_pool2d_grad_backward,
};
