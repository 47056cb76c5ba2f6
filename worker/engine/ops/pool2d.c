/* Pooling, NCHW. The maximum remembers where it was found; its gradient goes there. Both gradients
 * are linear, and each other's transposes give the gradients of the gradients. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

typedef struct pool_args {
    rt_tensor *x;  /* or dy */
    rt_tensor *at; /* max: where it was, int32; saved, not an input */
    rt_pool2d_shape s;
    rt_dims in, out; /* [n, c, h, w], [n, c, oh, ow] */
} pool_args;

/* ---- geometry ---- */

static rt_status geometry(const char *what, const rt_pool2d_args *a, pool_args *p)
{
    if (a->x->dims.n != 4)
        return RT_FAIL(SHAPE, "%s: x %s, expected [n,c,h,w]", what, rt_dims_text(a->x->dims));
    const int64_t *x = a->x->dims.d;
    if (x[2] == 0 || x[3] == 0) /* a window of padding alone has no maximum to point at */
        return RT_FAIL(SHAPE, "%s: x %s: expected h and w of 1 or more", what,
                       rt_dims_text(a->x->dims));
    rt_pool2d_shape *s = &p->s;
    *s = (rt_pool2d_shape){
        .planes = x[0] * x[1], .h = x[2], .w = x[3], .kh = a->kernel[0], .kw = a->kernel[1]};
    int64_t out[2];
    for (int i = 0; i < 2; i++) {
        int64_t k = a->kernel[i], in = x[2 + i];
        if (k < 1 || k > INT32_MAX || a->stride[i] < 0 || a->stride[i] > INT32_MAX ||
            a->padding[i] < 0 || a->padding[i] > k / 2)
            return RT_FAIL(
                RANGE,
                "%s: kernel %lld, stride %lld, padding %lld: expected a kernel of 1 or more, "
                "padding of at most half of it, all below 2^31",
                what, (long long)k, (long long)a->stride[i], (long long)a->padding[i]);
        s->stride[i] = a->stride[i] ? a->stride[i] : k;
        s->pad[i] = a->padding[i];
        int64_t room = in + 2 * s->pad[i] - k;
        if (room < 0)
            return RT_FAIL(SHAPE, "%s: kernel %lld is larger than the padded input, %s", what,
                           (long long)k, rt_dims_text(a->x->dims));
        out[i] = room / s->stride[i] + 1;
    }
    s->oh = out[0];
    s->ow = out[1];
    p->x = a->x;
    p->in = a->x->dims;
    p->out = rt_shape(x[0], x[1], out[0], out[1]);
    return RT_OK;
}

static rt_tensor *pool(const rt_op *op, const pool_args *p, rt_tensor *x)
{
    pool_args args = *p;
    args.x = x;
    return rt_apply(op, &args, sizeof args);
}

/* ---- maximum ---- */

static const rt_op max_grad_op;

static rt_tensor *max_forward(rt_call *c)
{
    const pool_args *p = c->args;
    rt_tensor *x = rt__tensor_contiguous(p->x);
    rt_tensor *y = rt_out(c, p->out, RT_F32);
    rt_tensor *at = rt__tensor_new(p->out, RT_I32);
    if (rt_failed())
        return NULL;
    rt_cpu()->max_pool2d[RT_F32](&p->s, x->data, y->data, at->data);
    c->saved[0] = at;
    return y;
}

static void max_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    pool_args p = *(const pool_args *)c->args;
    p.at = c->saved[0];
    dx[0] = pool(&max_grad_op, &p, dy);
}

static const rt_op max_op = {"max_pool2d", 1, max_forward, max_backward, .dtypes = RT_FLOATS};

static rt_tensor *max_grad_forward(rt_call *c)
{
    const pool_args *p = c->args;
    rt_tensor *dy = rt__tensor_contiguous(p->x);
    rt_tensor *dx = rt_out(c, p->in, RT_F32);
    if (rt_failed())
        return NULL;
    rt_cpu()->max_pool2d_dx[RT_F32](&p->s, dy->data, p->at->data, dx->data);
    c->saved[0] = p->at;
    return dx;
}

/* Picks g where the maxima were. */
static void max_grad_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    const pool_args *p = c->args;
    rt_dims windows = rt_shape(p->s.planes, p->s.oh * p->s.ow);
    rt_tensor *at = rt_reshape(rt_to(c->saved[0], RT_I64), windows);
    rt_tensor *planes = rt_reshape(g, rt_shape(p->s.planes, p->s.h * p->s.w));
    dx[0] = rt_reshape(rt_gather(planes, 1, at), p->out);
}

static const rt_op max_grad_op = {"max_pool2d_grad", 1, max_grad_forward, max_grad_backward,
                                  .dtypes = RT_FLOATS};

rt_tensor *rt_max_pool2d_(rt_pool2d_args a)
{
    pool_args p = {0};
    if (!rt__takes("max_pool2d", a.x) || geometry("max_pool2d", &a, &p) != RT_OK)
        return NULL;
    if (a.x && p.s.h > INT32_MAX / p.s.w) /* where a maximum was is an int32 */
        return RT_FAIL_NULL(RANGE, "max_pool2d: x %s: expected planes of less than 2^31 elements",
                            rt_dims_text(a.x->dims));
    return pool(&max_op, &p, a.x);
}

/* ---- average ---- */

static const rt_op avg_op, avg_grad_op;

static rt_tensor *avg_forward(rt_call *c)
{
    const pool_args *p = c->args;
    rt_tensor *x = rt__tensor_contiguous(p->x);
    rt_tensor *y = rt_out(c, p->out, RT_F32);
    if (rt_failed())
        return NULL;
    rt_cpu()->avg_pool2d[RT_F32](&p->s, x->data, y->data);
    return y;
}

static void avg_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    dx[0] = pool(&avg_grad_op, c->args, dy);
}

static const rt_op avg_op = {"avg_pool2d", 1, avg_forward, avg_backward, .dtypes = RT_FLOATS};

static rt_tensor *avg_grad_forward(rt_call *c)
{
    const pool_args *p = c->args;
    rt_tensor *dy = rt__tensor_contiguous(p->x);
    rt_tensor *dx = rt_out(c, p->in, RT_F32);
    if (rt_failed())
        return NULL;
    rt_cpu()->avg_pool2d_dx[RT_F32](&p->s, dy->data, dx->data);
    return dx;
}

static void avg_grad_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    dx[0] = pool(&avg_op, c->args, g);
}

static const rt_op avg_grad_op = {"avg_pool2d_grad", 1, avg_grad_forward, avg_grad_backward,
                                  .dtypes = RT_FLOATS};

rt_tensor *rt_avg_pool2d_(rt_pool2d_args a)
{
    pool_args p = {0};
    if (!rt__takes("avg_pool2d", a.x) || geometry("avg_pool2d", &a, &p) != RT_OK)
        return NULL;
    return pool(&avg_op, &p, a.x);
}
