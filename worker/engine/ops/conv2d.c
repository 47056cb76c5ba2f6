/* Convolution (cross-correlation, as everywhere in deep learning), NCHW.
 *
 * Three operations that are each other's gradients, so that gradients can be differentiated to any order:
 *
 *     y  = conv2d(x, w)           dx  = input_grad(dy, w)     dw = weight_grad(x, dy)
 *     dx = input_grad(dy, w)      ddy = conv2d(g, w)          dw = weight_grad(g, dy)
 *     dw = weight_grad(x, dy)     dx  = input_grad(dy, g)     ddy = conv2d(x, g) */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

typedef struct conv_args {
    rt_tensor *a, *b, *bias; /* what the operation takes, in the order above */
    rt_conv2d_shape s;
} conv_args;

static rt_tensor *conv(rt_tensor *x, rt_tensor *w, rt_tensor *bias, const rt_conv2d_shape *s);
static rt_tensor *input_grad(rt_tensor *dy, rt_tensor *w, const rt_conv2d_shape *s);
static rt_tensor *weight_grad(rt_tensor *x, rt_tensor *dy, const rt_conv2d_shape *s);

static rt_dims x_dims(const rt_conv2d_shape *s)
{
    return rt_shape(s->n, s->c, s->h, s->w);
}

static rt_dims w_dims(const rt_conv2d_shape *s)
{
    return rt_shape(s->oc, s->c / s->groups, s->kh, s->kw);
}

static rt_dims y_dims(const rt_conv2d_shape *s)
{
    return rt_shape(s->n, s->oc, s->oh, s->ow);
}

/* ---- y = conv2d(x, w) + bias ---- */

static rt_tensor *conv_forward(rt_call *c)
{
    const conv_args *g = c->args;
    rt_tensor *x = rt__tensor_contiguous(g->a), *w = rt__tensor_contiguous(g->b);
    rt_tensor *bias = rt__tensor_contiguous(g->bias);
    rt_tensor *y = rt_out(c, y_dims(&g->s), RT_F32);
    if (rt_failed())
        return NULL;
    rt_cpu()->conv2d[RT_F32](&g->s, x->data, w->data, bias ? bias->data : NULL, y->data);
    return y;
}

static void conv_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    const conv_args *g = c->args;
    if (rt_needs(c, 0))
        dx[0] = input_grad(dy, c->in[1], &g->s);
    if (rt_needs(c, 1)) {
        rt_aim(c, 1);
        dx[1] = weight_grad(c->in[0], dy, &g->s);
    }
    if (rt_needs(c, 2)) {
        rt_aim(c, 2);
        dx[2] = rt_sum(dy, rt_shape(0, 2, 3));
    }
}

static const rt_op conv_op = {"conv2d",
                              3,
                              conv_forward,
                              conv_backward,
                              .dtypes = RT_FLOATS,
                              .optional = 1u << 2,
                              .saves = RT_SAVES_IN(0) | RT_SAVES_IN(1)};

static rt_tensor *conv(rt_tensor *x, rt_tensor *w, rt_tensor *bias, const rt_conv2d_shape *s)
{
    return rt_apply(&conv_op, &(conv_args){x, w, bias, *s}, sizeof(conv_args));
}

/* ---- dx = input_grad(dy, w) ---- */

static rt_tensor *input_grad_forward(rt_call *c)
{
    const conv_args *g = c->args;
    rt_tensor *dy = rt__tensor_contiguous(g->a), *w = rt__tensor_contiguous(g->b);
    rt_tensor *dx = rt_out(c, x_dims(&g->s), RT_F32);
    if (rt_failed())
        return NULL;
    rt_cpu()->conv2d_dx[RT_F32](&g->s, dy->data, w->data, dx->data);
    return dx;
}

static void input_grad_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    const rt_conv2d_shape *s = &((const conv_args *)c->args)->s;
    if (rt_needs(c, 0))
        dx[0] = conv(g, c->in[1], NULL, s);
    if (rt_needs(c, 1))
        dx[1] = weight_grad(g, c->in[0], s);
}

static const rt_op input_grad_op = {"conv2d_input_grad", 2,
                                    input_grad_forward,  input_grad_backward,
                                    .dtypes = RT_FLOATS, .saves = RT_SAVES_IN(0) | RT_SAVES_IN(1)};

static rt_tensor *input_grad(rt_tensor *dy, rt_tensor *w, const rt_conv2d_shape *s)
{
    return rt_apply(&input_grad_op, &(conv_args){dy, w, NULL, *s}, sizeof(conv_args));
}

/* ---- dw = weight_grad(x, dy) ---- */

static rt_tensor *weight_grad_forward(rt_call *c)
{
    const conv_args *g = c->args;
    rt_tensor *x = rt__tensor_contiguous(g->a), *dy = rt__tensor_contiguous(g->b);
    rt_tensor *dw = rt_out(c, w_dims(&g->s), RT_F32);
    if (rt_failed())
        return NULL;
    rt_cpu()->conv2d_dw[RT_F32](&g->s, x->data, dy->data, dw->data);
    return dw;
}

static void weight_grad_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    const rt_conv2d_shape *s = &((const conv_args *)c->args)->s;
    if (rt_needs(c, 0))
        dx[0] = input_grad(c->in[1], g, s);
    if (rt_needs(c, 1))
        dx[1] = conv(c->in[0], g, NULL, s);
}

static const rt_op weight_grad_op = {
    "conv2d_weight_grad", 2,
    weight_grad_forward,  weight_grad_backward,
    .dtypes = RT_FLOATS,  .saves = RT_SAVES_IN(0) | RT_SAVES_IN(1)};

static rt_tensor *weight_grad(rt_tensor *x, rt_tensor *dy, const rt_conv2d_shape *s)
{
    return rt_apply(&weight_grad_op, &(conv_args){x, dy, NULL, *s}, sizeof(conv_args));
}

/* ---- the public function: arguments to geometry ---- */

/* Size of the output along one axis; fails if the dilated kernel does not fit. */
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

/* Sizes below 2^31 cannot overflow when they are multiplied by one another. */
static bool within(int64_t v, int64_t least)
{
    return v >= least && v <= INT32_MAX;
}

static rt_status check_options(const rt_conv2d_args *a)
{
    for (int i = 0; i < 2; i++) {
        if (!within(a->stride[i], 1) || !within(a->dilation[i], 1) || !within(a->padding[i], 0) ||
            !within(a->groups, 1))
            return RT_FAIL(
                RANGE,
                "conv2d: stride {%lld, %lld}, dilation {%lld, %lld}, groups %lld, padding "
                "{%lld, %lld}: expected padding of 0 or more, the others 1 or more, all below 2^31",
                (long long)a->stride[0], (long long)a->stride[1], (long long)a->dilation[0],
                (long long)a->dilation[1], (long long)a->groups, (long long)a->padding[0],
                (long long)a->padding[1]);
        if (a->same && (a->stride[i] > 1 || a->padding[i] > 0))
            return RT_FAIL(ARG, "conv2d: .same goes with stride 1 and no .padding of its own");
        if (!within(a->w->dims.d[2 + i], 1))
            return RT_FAIL(SHAPE, "conv2d: kernel %s, expected sides of 1 or more, below 2^31",
                           rt_dims_text(a->w->dims));
    }
    return RT_OK;
}

static rt_status geometry(const rt_conv2d_args *a, rt_conv2d_shape *s)
{
    if (a->x->dims.n != 4 || a->w->dims.n != 4)
        return RT_FAIL(SHAPE,
                       "conv2d: x %s and w %s: expected [n,in,h,w] and [out,in/groups,kh,kw]",
                       rt_dims_text(a->x->dims), rt_dims_text(a->w->dims));
    RT_TRY(check_options(a));
    const int64_t *x = a->x->dims.d, *w = a->w->dims.d;
    int64_t groups = a->groups;
    *s = (rt_conv2d_shape){.n = x[0],
                           .c = x[1],
                           .h = x[2],
                           .w = x[3],
                           .oc = w[0],
                           .kh = w[2],
                           .kw = w[3],
                           .groups = groups};
    if (x[1] % groups != 0 || w[1] != x[1] / groups || w[0] % groups != 0)
        return RT_FAIL(SHAPE,
                       "conv2d: x %s has %lld channels, w %s with %lld groups takes %lld in each "
                       "group, and makes %lld in all",
                       rt_dims_text(a->x->dims), (long long)x[1], rt_dims_text(a->w->dims),
                       (long long)groups, (long long)w[1], (long long)w[0]);
    if (a->bias && (a->bias->dims.n != 1 || a->bias->dims.d[0] != w[0]))
        return RT_FAIL(SHAPE, "conv2d: bias %s, expected [%lld]", rt_dims_text(a->bias->dims),
                       (long long)w[0]);
    for (int i = 0; i < 2; i++) {
        s->stride[i] = a->stride[i];
        s->dilation[i] = a->dilation[i];
        s->pad[i] = a->padding[i];
        RT_TRY(output_size(a, i, s, i ? &s->ow : &s->oh));
    }
    return RT_OK;
}

rt_tensor *rt_conv2d_(rt_conv2d_args a)
{
    rt_conv2d_shape s = {0};
    if (!rt__takes("conv2d", a.x) || !rt__object_is(a.w, &rt__tensor_type, "conv2d", 2) ||
        (a.bias && !rt__object_is(a.bias, &rt__tensor_type, "conv2d", 3)) ||
        geometry(&a, &s) != RT_OK)
        return NULL;
    return conv(a.x, a.w, a.bias, &s);
}
