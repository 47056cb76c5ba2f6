/* The maximum of each window. Forward saves the position of each maximum; the gradient goes there, and the gradient's gradient
 * gathers from there. */
#include "common/base/error.h"
#include "worker/engine/ops/pool/pool2d.h"

#define GRAD_FIELDS(F)                                                                             \
    RT_POOL2D_GRAD_FIELDS(F)                                                                       \
    F(INPUT, at, RT_NEEDED, RT_TYPE(I32), "where the maxima are in their planes")
typedef struct RT_DESIGNATED grad_args {
    RT_STRUCT(GRAD_FIELDS)
    rt_dims dims; /* of x */
    rt_pool2d_shape s;
} grad_args;

static const rt_op max_pool2d_grad_op;

static rt_status max_pool2d_infer(rt_call *c)
{
    RT_TRY(rt__pool2d_infer(c));
    const rt_pool2d_shape *s = c->plan;
    if (s->h > INT32_MAX / s->w) /* positions of maxima are int32 */
        return RT_FAIL(RANGE, "max_pool2d: x %s: expected planes of less than 2^31 elements",
                       rt_dims_text(c->in[0]->dims));
    return RT_OK;
}

static rt_status max_pool2d_run(rt_call *c)
{
    const rt_tensor *x = c->in[0], *y = c->out[0];
    rt_tensor *at = rt__tensor_new(y->dims, RT_I32);
    if (!at)
        return rt_error_code();
    rt_exec *e = rt_exec_of(c);
    e->kernels->max_pool2d[x->dtype](e, c->plan, x->data, y->data, at->data);
    c->saved[0] = at;
    return RT_OK;
}

static void max_pool2d_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const rt_pool2d_shape *s = c->plan;
    dx[0] = rt_apply(&max_pool2d_grad_op,
                     &(grad_args){.dy = dy[0], .at = c->saved[0], .dims = c->in[0]->dims, .s = *s});
}

const rt_op rt__op_max_pool2d = {
    .name = "max_pool2d",
    .help = "y = max over each window; ties: the first; NaN wins",
    RT_ARGS(rt_pool2d_args, RT_POOL2D_FIELDS),
    .infer = max_pool2d_infer,
    .run = max_pool2d_run,
    .backward = max_pool2d_backward,
    .n_saved = 1,
    .plan_size = sizeof(rt_pool2d_shape),
};

rt_tensor *rt_max_pool2d_(rt_pool2d_args a)
{
    return rt_apply(&rt__op_max_pool2d, &a);
}

/* ---- the gradient ---- */

static rt_status max_pool2d_grad_infer(rt_call *c)
{
    return rt_result(c, 0, ((const grad_args *)c->args)->dims, c->in[0]->dtype);
}

static rt_status max_pool2d_grad_run(rt_call *c)
{
    const grad_args *a = c->args;
    const rt_tensor *dy = c->in[0], *at = c->in[1];
    rt_exec *e = rt_exec_of(c);
    e->kernels->max_pool2d_dx[dy->dtype](e, &a->s, dy->data, at->data, c->out[0]->data);
    return RT_OK;
}

/* Gathers g at the positions of the maxima. */
static void max_pool2d_grad_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    const rt_pool2d_shape *s = &((const grad_args *)c->args)->s;
    rt_tensor *at = rt_reshape(rt_to(c->in[1], RT_I64), rt_shape(s->planes, s->oh * s->ow));
    rt_tensor *planes = rt_reshape(g[0], rt_shape(s->planes, s->h * s->w));
    dx[0] = rt_reshape(rt_gather(planes, 1, at), c->in[0]->dims);
}

static const rt_op max_pool2d_grad_op = {
    .name = "max_pool2d_grad",
    RT_INTERNAL_ARGS(grad_args, GRAD_FIELDS),
    .infer = max_pool2d_grad_infer,
    .run = max_pool2d_grad_run,
    .backward = max_pool2d_grad_backward,
    .saves_in = 1 << 1,
};
