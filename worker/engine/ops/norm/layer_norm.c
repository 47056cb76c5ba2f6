/* y = (x - mean) / sqrt(var + eps) * weight + bias over the last axes, var not corrected (Ba et al. 2016).
 *
 * With h = (x - mean) * s and s = 1 / sqrt(var + eps), of rows of len elements, dx = s * (dh - mean(dh) - h * mean(dh * h)). Runs find h
 * and s again in what forward left of them; where that gradient has a gradient itself, both are made anew as functions of x. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

static rt_rows rows_of(const rt_tensor *x)
{
    int64_t len = x->dims.d[x->dims.n - 1];
    return (rt_rows){len ? x->numel / len : 0, len};
}

/* ---- rows of mean 0 and variance 1 ---- */

#define NORMALIZE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "[..., len]")
typedef struct normalize_args {
    RT_STRUCT(NORMALIZE_FIELDS)
    double eps;
} normalize_args;

static const rt_op normalize_op;

static rt_tensor *normalize(rt_tensor *x, double eps)
{
    return rt_apply(&normalize_op, &(normalize_args){x, eps});
}

/* h and s are constants: they lead back to x, by which the gradient is all that they could give. */
#define GRAD_FIELDS(F)                                                                             \
    F(INPUT, dh, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., len]")                                     \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "the same")                                        \
    F(INPUT, h, RT_NEEDED, RT_SAME | RT_FLOATS, "the same")                                        \
    F(INPUT, s, RT_NEEDED, RT_FLOATS, "[..., 1]")
typedef struct grad_args {
    RT_STRUCT(GRAD_FIELDS)
    double eps;
} grad_args;

static const rt_op normalize_grad_op;

static rt_tensor *normalize_grad(const grad_args *like, rt_tensor *dh)
{
    grad_args a = *like;
    a.dh = dh;
    return rt_apply(&normalize_grad_op, &a);
}

static rt_status normalize_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_dims dims = x->dims;
    dims.d[dims.n - 1] = 1;
    rt_tensor *s = rt__tensor_new(dims, x->dtype);
    if (!s)
        return rt_error_code();
    rt_exec *e = rt_exec_of(c);
    e->kernels->normalize[x->dtype](e, rows_of(x), ((const normalize_args *)c->args)->eps, x->data,
                                    c->out[0]->data, s->data);
    c->saved[0] = s;
    return RT_OK;
}

static void normalize_backward(rt_call *c, rt_tensor *const *dh, rt_tensor **dx)
{
    const normalize_args *a = c->args;
    rt_aim(c, 0);
    dx[0] = rt_apply(&normalize_grad_op,
                     &(grad_args){dh[0], c->in[0], rt_detach(c->out[0]), c->saved[0], a->eps});
}

static const rt_op normalize_op = {
    .name = "normalize",
    RT_INTERNAL_ARGS(normalize_args, NORMALIZE_FIELDS),
    .infer = rt__infer_like_first,
    .run = normalize_run,
    .backward = normalize_backward,
    .saves_in = 1,
    .saves_out = 1,
    .n_saved = 1,
};

/* ---- the gradient ---- */

static rt_status normalize_grad_run(rt_call *c)
{
    const rt_tensor *dh = c->in[0], *h = c->in[2], *s = c->in[3];
    rt_exec *e = rt_exec_of(c);
    e->kernels->normalize_dx[h->dtype](e, rows_of(h), h->data, s->data, dh->data, c->out[0]->data);
    return RT_OK;
}

static rt_tensor *last_mean(rt_tensor *x)
{
    return rt_mean(x, rt_shape(-1), .keep_dim = true);
}

/* By dh the same map, whose matrix is symmetric. By x, with m(.) the mean of a row: by h it is -s (g m(dh h) + dh m(g h)), which goes on
 * as any gradient of h does; by s it is g (dh - m(dh) - h m(dh h)), summed over the row, and ds / dx = -s^2 h / len. */
static void normalize_grad_backward(rt_call *c, rt_tensor *const *gs, rt_tensor **dx)
{
    grad_args a = {c->in[0], c->in[1], c->in[2], c->in[3], ((const grad_args *)c->args)->eps};
    rt_tensor *dh = a.dh, *g = gs[0];
    if (rt_needs(c, 0))
        dx[0] = normalize_grad(&a, g);
    if (!rt_needs(c, 1))
        return;
    rt_tensor *h = normalize(a.x, a.eps);
    rt_tensor *var = rt_var_mean(a.x, rt_shape(-1), .keep_dim = true, .correction = 0).var;
    rt_tensor *s = rt_rsqrt(rt_add_scalar(var, a.eps));
    rt_tensor *slope = last_mean(rt_mul(dh, h));
    rt_tensor *by_h =
        rt_neg(rt_mul(s, rt_add(rt_mul(g, slope), rt_mul(dh, last_mean(rt_mul(g, h))))));
    rt_tensor *inner = rt_sub(rt_sub(dh, last_mean(dh)), rt_mul(h, slope));
    rt_tensor *by_s = last_mean(rt_mul(g, inner)); /* the sum, over len */
    dx[1] = rt_sub(normalize_grad(&a, by_h), rt_mul(h, rt_mul(by_s, rt_square(s))));
}

static const rt_op normalize_grad_op = {
    .name = "normalize_grad",
    RT_INTERNAL_ARGS(grad_args, GRAD_FIELDS),
    .infer = rt__infer_like_first,
    .run = normalize_grad_run,
    .backward = normalize_grad_backward,
    .saves_in = 15,
    .shapes_in = 1 << 1,
};

/* ---- layer norm ---- */

/* Is it left out, or of the shape of the last axes of x? */
static rt_status check_factor(const rt_layer_norm_args *a, const char *name, const rt_tensor *f)
{
    rt_dims last = {.n = (int)a->axes};
    const rt_dims *x = &a->x->dims;
    for (int i = 0; i < last.n; i++)
        last.d[i] = x->d[x->n - last.n + i];
    if (!f || rt__dims_equal(f->dims, last))
        return RT_OK;
    return RT_FAIL(SHAPE, "layer_norm: %s %s, expected %s, the last %lld ax%s of x %s", name,
                   rt_dims_text(f->dims), rt_dims_text(last), (long long)a->axes,
                   a->axes == 1 ? "is" : "es", rt_dims_text(*x));
}

static void layer_norm_compose(rt_call *c)
{
    const rt_layer_norm_args *a = c->args;
    rt_dims dims = a->x->dims;
    if (a->axes > dims.n) {
        RT_FAIL(SHAPE, "layer_norm: x %s: it has no %lld axes", rt_dims_text(dims),
                (long long)a->axes);
        return;
    }
    if (check_factor(a, "weight", a->weight) != RT_OK || check_factor(a, "bias", a->bias) != RT_OK)
        return;
    rt_tensor *h =
        a->axes == 1
            ? normalize(a->x, a->eps)
            : rt_reshape(normalize(rt_flatten(a->x, dims.n - (int)a->axes, -1), a->eps), dims);
    c->out[0] = a->weight && a->bias ? rt_addcmul(a->bias, h, a->weight)
                : a->weight          ? rt_mul(h, a->weight)
                : a->bias            ? rt_add(h, a->bias)
                                     : h;
}

const rt_op rt__op_layer_norm = {
    .name = "layer_norm",
    .help = "y = (x - mean) / sqrt(var + eps) * weight + bias over the last axes",
    RT_ARGS(rt_layer_norm_args, RT_LAYER_NORM_FIELDS),
    .compose = layer_norm_compose,
};

rt_tensor *rt_layer_norm_(rt_layer_norm_args a)
{
    return rt_apply(&rt__op_layer_norm, &a);
}
