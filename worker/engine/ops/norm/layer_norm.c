/* y = (x - mean) / sqrt(var + eps) * weight + bias over the last axes, with the uncorrected variance (Ba et al. 2016).
 *
 * With h = (x - mean) * s and s = 1 / sqrt(var + eps), for rows of len elements, dx = s * (dh - mean(dh) - h * mean(dh * h)). The
 * gradient's run uses h and s as saved by forward; where the gradient itself is differentiated, both are recomputed as functions of x. */
#include "common/base/error.h"
#include "worker/engine/ops/norm/rows.h"

/* ---- rows of mean 0 and variance 1 ---- */

#define NORMALIZE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "[..., len]")
typedef struct RT_DESIGNATED normalize_args {
    RT_STRUCT(NORMALIZE_FIELDS)
    double eps;
} normalize_args;

static const rt_op normalize_op;

static rt_tensor *normalize(rt_tensor *x, double eps)
{
    return rt_apply(&normalize_op, &(normalize_args){.x = x, .eps = eps});
}

/* h and s count as constants: they depend only on x, and the gradient with respect to x already includes that. */
#define GRAD_FIELDS(F)                                                                             \
    F(INPUT, dh, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., len]")                                     \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "the same")                                        \
    F(INPUT, h, RT_NEEDED, RT_SAME | RT_FLOATS, "the same")                                        \
    F(INPUT, s, RT_NEEDED, RT_FLOATS, "[..., 1]")
typedef struct RT_DESIGNATED grad_args {
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
    e->kernels->normalize[x->dtype](e, rt__rows_of(x), ((const normalize_args *)c->args)->eps,
                                    x->data, c->out[0]->data, s->data);
    c->saved[0] = s;
    return RT_OK;
}

static void normalize_backward(rt_call *c, rt_tensor *const *dh, rt_tensor **dx)
{
    const normalize_args *a = c->args;
    rt_aim(c, 0);
    dx[0] = rt_apply(&normalize_grad_op, &(grad_args){.dh = dh[0],
                                                      .x = c->in[0],
                                                      .h = rt_detach(c->out[0]),
                                                      .s = c->saved[0],
                                                      .eps = a->eps});
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
    e->kernels->normalize_dx[h->dtype](e, rt__rows_of(h), h->data, s->data, dh->data,
                                       c->out[0]->data);
    return RT_OK;
}

static rt_tensor *last_mean(rt_tensor *x)
{
    return rt_mean(x, rt_shape(-1), .keep_dim = true);
}

/* With respect to dh: the same map, whose matrix is symmetric. With respect to x, with m(.) the mean of a row: through h it is -s (g
 * m(dh h) + dh m(g h)), which continues like any gradient of h; through s it is g (dh - m(dh) - h m(dh h)), summed over the row, and ds
 * / dx = -s^2 h / len. */
static void normalize_grad_backward(rt_call *c, rt_tensor *const *gs, rt_tensor **dx)
{
    grad_args a = {.dh = c->in[0],
                   .x = c->in[1],
                   .h = c->in[2],
                   .s = c->in[3],
                   .eps = ((const grad_args *)c->args)->eps};
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
    rt_tensor *by_s = last_mean(rt_mul(g, inner)); /* the sum divided by len */
    dx[1] = rt_sub(normalize_grad(&a, by_h), rt_mul(h, rt_mul(by_s, rt_square(s))));
}

static const rt_op normalize_grad_op = {
    .name = "normalize_grad",
    RT_INTERNAL_ARGS(grad_args, GRAD_FIELDS),
    .infer = rt__infer_like_first,
    .run = normalize_grad_run,
    .backward = normalize_grad_backward,
    .saves_in = 1 << 2 | 1 << 3,
    .saves_in_for = (const uint32_t[]){0, 1 << 0 | 1 << 1, 0, 0},
    .shapes_in = 1 << 1,
};

/* ---- layer norm ---- */

static void layer_norm_compose(rt_call *c)
{
    const rt_layer_norm_args *a = c->args;
    rt_dims dims = a->x->dims;
    if (rt__last_axes_check(c, a->axes) != RT_OK)
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
    .derivatives = 4,
};

rt_tensor *rt_layer_norm_(rt_layer_norm_args a)
{
    return rt_apply(&rt__op_layer_norm, &a);
}
