/* Convolution (cross-correlation, as everywhere in deep learning), NCHW.
 *
 * Three operations whose gradients are each other, so gradients can be differentiated to any order:
 *
 *     y  = conv2d(x, w)           dx  = input_grad(dy, w)     dw = weight_grad(x, dy)
 *     dx = input_grad(dy, w)      ddy = conv2d(g, w)          dw = weight_grad(g, dy)
 *     dw = weight_grad(x, dy)     dx  = input_grad(dy, g)     ddy = conv2d(x, g) */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

/* Arguments of both gradients. */
#define GRAD_FIELDS(F)                                                                             \
    F(INPUT, a, RT_NEEDED, RT_SAME | RT_FLOATS, "dy; of weight_grad x")                            \
    F(INPUT, b, RT_NEEDED, RT_SAME | RT_FLOATS, "w; of weight_grad dy")
typedef struct RT_DESIGNATED grad_args {
    RT_STRUCT(GRAD_FIELDS)
    rt_conv2d_args options; /* of the convolution, without its tensors */
    rt_conv2d_shape s;
} grad_args;

static const rt_op input_grad_op, weight_grad_op;

/* ---- y = conv2d(x, w) + bias ---- */

/* Computes the output size along one axis; fails if the dilated kernel does not fit. */
static rt_status output_size(const rt_conv2d_args *a, int axis, rt_conv2d_shape *s, int64_t *out)
{
    int64_t in = axis ? s->w : s->h, kernel = axis ? s->kw : s->kh;
    int64_t reach = s->dilation[axis] * (kernel - 1);
    if (a->same) {
        s->pad[axis] = reach / 2;
        *out = in;
        return RT_OK;
    }
    int64_t room = in + 2 * s->pad[axis] - reach - 1;
    if (room < 0)
        return RT_FAIL(
            SHAPE,
            "conv2d: kernel %s with dilation reaches over %lld, more than the padded input's %lld",
            rt_dims_text(a->w->dims), (long long)reach + 1, (long long)(in + 2 * s->pad[axis]));
    *out = room / s->stride[axis] + 1;
    return RT_OK;
}

/* Checks what the rows cannot express: how options and the kernel go together. Sizes below 2^31 can be multiplied without
 * overflow. */
static rt_status check_options(const rt_conv2d_args *a)
{
    for (int i = 0; i < 2; i++) {
        int64_t side = a->w->dims.d[2 + i];
        if (a->same && (a->stride[i] > 1 || a->padding[i] > 0))
            return RT_FAIL(ARG, "conv2d: .same goes with stride 1 and no .padding of its own");
        if (side < 1 || side > INT32_MAX)
            return RT_FAIL(SHAPE, "conv2d: kernel %s, expected sides of 1 or more, below 2^31",
                           rt_dims_text(a->w->dims));
    }
    return RT_OK;
}

/* Returns the sizes [channels, height, width] of x, which may be a single image. */
static const int64_t *image_of(const rt_tensor *x)
{
    return x->dims.d + x->dims.n - 3;
}

static rt_status check_channels(const rt_conv2d_args *a)
{
    int64_t channels = *image_of(a->x);
    const int64_t *w = a->w->dims.d;
    if (channels % a->groups != 0 || w[1] != channels / a->groups || w[0] % a->groups != 0)
        return RT_FAIL(SHAPE,
                       "conv2d: x %s has %lld channels, w %s with %lld groups takes %lld in each "
                       "group, and makes %lld in all",
                       rt_dims_text(a->x->dims), (long long)channels, rt_dims_text(a->w->dims),
                       (long long)a->groups, (long long)w[1], (long long)w[0]);
    if (a->bias && (a->bias->dims.n != 1 || a->bias->dims.d[0] != w[0]))
        return RT_FAIL(SHAPE, "conv2d: bias %s, expected [%lld]", rt_dims_text(a->bias->dims),
                       (long long)w[0]);
    return RT_OK;
}

static rt_status geometry(const rt_conv2d_args *a, rt_conv2d_shape *s)
{
    int axes = a->x->dims.n;
    if ((axes != 3 && axes != 4) || a->w->dims.n != 4)
        return RT_FAIL(SHAPE,
                       "conv2d: x %s and w %s: expected [n,in,h,w] or [in,h,w], and "
                       "[out,in/groups,kh,kw]",
                       rt_dims_text(a->x->dims), rt_dims_text(a->w->dims));
    RT_TRY(check_options(a));
    RT_TRY(check_channels(a));
    const int64_t *x = image_of(a->x), *w = a->w->dims.d;
    *s = (rt_conv2d_shape){.n = axes == 4 ? a->x->dims.d[0] : 1,
                           .c = x[0],
                           .h = x[1],
                           .w = x[2],
                           .oc = w[0],
                           .kh = w[2],
                           .kw = w[3],
                           .groups = a->groups};
    for (int i = 0; i < 2; i++) {
        s->stride[i] = a->stride[i];
        s->dilation[i] = a->dilation[i];
        s->pad[i] = a->padding[i];
        RT_TRY(output_size(a, i, s, i ? &s->ow : &s->oh));
    }
    return RT_OK;
}

/* Returns the shape of n images, or of a single one without the batch axis if `like` has none. */
static rt_dims images(const rt_tensor *like, int64_t n, int64_t channels, int64_t h, int64_t w)
{
    return like->dims.n == 3 ? rt_shape(channels, h, w) : rt_shape(n, channels, h, w);
}

static rt_status conv2d_infer(rt_call *c)
{
    rt_conv2d_shape *s = c->plan;
    RT_TRY(geometry(c->args, s));
    const rt_tensor *x = c->in[0];
    return rt_result(c, 0, images(x, s->n, s->oc, s->oh, s->ow), x->dtype);
}

static rt_status conv2d_run(rt_call *c)
{
    const rt_tensor *x = c->in[0], *w = c->in[1], *bias = c->in[2];
    rt_exec *e = rt_exec_of(c);
    e->kernels->conv2d[x->dtype](e, c->plan, x->data, w->data, bias ? bias->data : NULL,
                                 c->out[0]->data);
    return RT_OK;
}

/* Calls one of the two gradient operations for the same convolution. */
static rt_tensor *grad(const rt_op *op, rt_tensor *a, rt_tensor *b, const rt_conv2d_args *options,
                       const rt_conv2d_shape *s)
{
    grad_args g = {.a = a, .b = b, .options = *options, .s = *s};
    g.options.x = g.options.w = g.options.bias = NULL;
    return rt_apply(op, &g);
}

static void conv2d_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    if (rt_needs(c, 0))
        dx[0] = grad(&input_grad_op, dy[0], c->in[1], c->args, c->plan);
    if (rt_needs(c, 1)) {
        rt_aim(c, 1);
        dx[1] = grad(&weight_grad_op, c->in[0], dy[0], c->args, c->plan);
    }
    if (rt_needs(c, 2)) {
        rt_aim(c, 2);
        dx[2] = rt_sum(dy[0], dy[0]->dims.n == 3 ? rt_shape(1, 2) : rt_shape(0, 2, 3));
    }
}

const rt_op rt__op_conv2d = {
    .name = "conv2d",
    .help = "y[n,o,i,j] = bias[o] + sum over c, p, q of x[n,c,i+p,j+q] w[o,c,p,q]",
    RT_ARGS(rt_conv2d_args, RT_CONV2D_FIELDS),
    .infer = conv2d_infer,
    .run = conv2d_run,
    .backward = conv2d_backward,
    .saves_in_for = (const uint32_t[]){1 << 1, 1 << 0, 0},
    .plan_size = sizeof(rt_conv2d_shape),
};

rt_tensor *rt_conv2d_(rt_conv2d_args a)
{
    return rt_apply(&rt__op_conv2d, &a);
}

/* Applies the convolution that a gradient belongs to, to other tensors. */
static rt_tensor *conv_of(const grad_args *g, rt_tensor *x, rt_tensor *w)
{
    rt_conv2d_args a = g->options;
    a.x = x;
    a.w = w;
    return rt_conv2d_(a);
}

/* ---- dx = input_grad(dy, w) ---- */

static rt_status input_grad_infer(rt_call *c)
{
    const rt_conv2d_shape *s = &((const grad_args *)c->args)->s;
    const rt_tensor *dy = c->in[0];
    return rt_result(c, 0, images(dy, s->n, s->c, s->h, s->w), dy->dtype);
}

static rt_status input_grad_run(rt_call *c)
{
    const grad_args *g = c->args;
    const rt_tensor *dy = c->in[0], *w = c->in[1];
    rt_exec *e = rt_exec_of(c);
    e->kernels->conv2d_dx[dy->dtype](e, &g->s, dy->data, w->data, c->out[0]->data);
    return RT_OK;
}

static void input_grad_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    const grad_args *a = c->args;
    if (rt_needs(c, 0))
        dx[0] = conv_of(a, g[0], c->in[1]);
    if (rt_needs(c, 1))
        dx[1] = grad(&weight_grad_op, g[0], c->in[0], &a->options, &a->s);
}

static const rt_op input_grad_op = {
    .name = "conv2d_input_grad",
    RT_INTERNAL_ARGS(grad_args, GRAD_FIELDS),
    .infer = input_grad_infer,
    .run = input_grad_run,
    .backward = input_grad_backward,
    .saves_in_for = (const uint32_t[]){1 << 1, 1 << 0},
};

/* ---- dw = weight_grad(x, dy) ---- */

static rt_status weight_grad_infer(rt_call *c)
{
    const rt_conv2d_shape *s = &((const grad_args *)c->args)->s;
    return rt_result(c, 0, rt_shape(s->oc, s->c / s->groups, s->kh, s->kw), c->in[0]->dtype);
}

static rt_status weight_grad_run(rt_call *c)
{
    const grad_args *g = c->args;
    const rt_tensor *x = c->in[0], *dy = c->in[1];
    rt_exec *e = rt_exec_of(c);
    e->kernels->conv2d_dw[x->dtype](e, &g->s, x->data, dy->data, c->out[0]->data);
    return RT_OK;
}

static void weight_grad_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    const grad_args *a = c->args;
    if (rt_needs(c, 0))
        dx[0] = grad(&input_grad_op, c->in[1], g[0], &a->options, &a->s);
    if (rt_needs(c, 1))
        dx[1] = conv_of(a, c->in[0], g[0]);
}

static const rt_op weight_grad_op = {
    .name = "conv2d_weight_grad",
    RT_INTERNAL_ARGS(grad_args, GRAD_FIELDS),
    .infer = weight_grad_infer,
    .run = weight_grad_run,
    .backward = weight_grad_backward,
    .saves_in_for = (const uint32_t[]){1 << 1, 1 << 0},
};
