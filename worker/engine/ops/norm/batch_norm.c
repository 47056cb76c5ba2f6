/* y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and variance of each channel (Ioffe and Szegedy 2015).
 *
 * It is made of three operations on channels whose gradients are the same three, so that it has gradients of any order:
 *     moments   mean = sum(x) / n, var = sum((x - mean)^2) / n
 *     affine    y = (x - m) * a + b
 *     dot       sum((x - m) * (y - k))
 * with sums over all but the channels. Sums of a channel are those that rt_sum makes over these axes. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

static rt_channels channels_of(const rt_tensor *x)
{
    int64_t c = x->dims.d[1], n = x->dims.d[0], rows = n * c;
    return (rt_channels){n, c, rows > 0 ? x->numel / rows : 0};
}

/* How many values a channel has; 1 instead of 0, by which gradients without elements would be divided. */
static double count_of(const rt_tensor *x)
{
    rt_channels s = channels_of(x);
    return s.n > 0 && s.len > 0 ? (double)(s.n * s.len) : 1;
}

static rt_status check_input(const rt_call *c, const rt_tensor *x)
{
    if (x->dims.n >= 2)
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: %s, expected [n, channels, ...]", c->op->name, rt_describe(x));
}

/* Is input i, unless it was left out, of shape [channels]? */
static rt_status check_channels(const rt_call *c, int i, const rt_tensor *x)
{
    const rt_tensor *v = c->in[i];
    if (!v || (v->dims.n == 1 && v->dims.d[0] == x->dims.d[1]))
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: %s is %s, expected %lld numbers, one for each channel", c->op->name,
                   c->op->fields[i].name, rt_describe(v), (long long)x->dims.d[1]);
}

/* Checks x, and what there is for each channel, by the names that users give them. */
static rt_status check_all(const rt_call *c)
{
    RT_TRY(check_input(c, c->in[0]));
    for (int i = 1; i < c->n_in; i++)
        RT_TRY(check_channels(c, i, c->in[0]));
    return RT_OK;
}

static const void *data_of(const rt_tensor *x)
{
    return x ? x->data : NULL;
}

/* Adds the sums of planes [n, c] up to those of channels, times `scale`. */
static void add_planes(const rt_call *c, rt_channels s, const rt_tensor *planes, double scale,
                       const rt_tensor *out)
{
    rt_exec *e = rt_exec_of(c);
    e->kernels->sum[out->dtype](e, (rt_fold){1, s.n, s.c}, planes->data, out->data);
    if (scale != 1)
        e->kernels->scale[out->dtype](e, s.c, scale, out->data, out->data);
}

/* ---- affine ---- */

#define AFFINE_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, c, ...]")                                     \
    F(INPUT, m, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 0")                                  \
    F(INPUT, a, RT_NEEDED, RT_SAME | RT_FLOATS, "[c]")                                             \
    F(INPUT, b, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 0")
typedef struct affine_args {
    RT_STRUCT(AFFINE_FIELDS)
} affine_args;
static const rt_op affine_op;

static rt_tensor *affine(rt_tensor *x, rt_tensor *m, rt_tensor *a, rt_tensor *b)
{
    return rt_apply(&affine_op, &(affine_args){x, m, a, b});
}

#define DOT_FIELDS(F)                                                                              \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, c, ...]")                                     \
    F(INPUT, m, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 0")                                  \
    F(INPUT, y, RT_NEEDED, RT_SAME | RT_FLOATS, "as x")
typedef struct dot_args {
    RT_STRUCT(DOT_FIELDS)
} dot_args;
static const rt_op dot_op;

static rt_tensor *dot(rt_tensor *x, rt_tensor *m, rt_tensor *y)
{
    return rt_apply(&dot_op, &(dot_args){x, m, y});
}

/* The sum of each channel. */
static rt_tensor *channel_sum(rt_tensor *x)
{
    rt_reduce_args a = {.x = x, .axes = {.d = {0}, .n = 1}};
    for (int i = 2; i < rt_dims_of(x).n; i++)
        a.axes.d[a.axes.n++] = i;
    return rt_sum_(a);
}

static rt_status affine_infer(rt_call *c)
{
    RT_TRY(check_all(c));
    return rt_result_like(c, 0, c->in[0]);
}

static rt_status affine_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->channel_affine[x->dtype](e, channels_of(x), x->data, data_of(c->in[1]),
                                         c->in[2]->data, data_of(c->in[3]), c->out[0]->data);
    return RT_OK;
}

static void affine_backward(rt_call *c, rt_tensor *const *dys, rt_tensor **dx)
{
    rt_tensor *dy = dys[0], *a = c->in[2];
    rt_tensor *sum = rt_needs(c, 1) || rt_needs(c, 3) ? channel_sum(dy) : NULL;
    if (rt_needs(c, 0))
        dx[0] = affine(dy, NULL, a, NULL);
    if (rt_needs(c, 1))
        dx[1] = rt_neg(rt_mul(a, sum));
    if (rt_needs(c, 2))
        dx[2] = dot(c->in[0], c->in[1], dy);
    if (rt_needs(c, 3))
        dx[3] = sum;
}

static const rt_op affine_op = {
    .name = "channel_affine",
    RT_INTERNAL_ARGS(affine_args, AFFINE_FIELDS),
    .infer = affine_infer,
    .run = affine_run,
    .backward = affine_backward,
    .saves_in = 1 << 0 | 1 << 1 | 1 << 2,
};

/* ---- dot ---- */

static rt_status dot_infer(rt_call *c)
{
    const rt_tensor *x = c->in[0], *y = c->in[2];
    RT_TRY(check_input(c, x));
    RT_TRY(check_channels(c, 1, x));
    if (!rt__dims_equal(x->dims, y->dims))
        return RT_FAIL(SHAPE, "%s: %s and %s, expected one shape", c->op->name, rt_describe(x),
                       rt_describe(y));
    return rt_result(c, 0, rt_shape(x->dims.d[1]), x->dtype);
}

/* Writes scale * sum((x - m) * (y - k)). */
static rt_status run_dot(const rt_call *c, const rt_tensor *x, const rt_tensor *m,
                         const rt_tensor *y, const rt_tensor *k, double scale, const rt_tensor *out)
{
    rt_channels s = channels_of(x);
    rt_exec *e = rt_exec_of(c);
    const rt_tensor *planes = rt__tensor_new(rt_shape(s.n, s.c), x->dtype);
    if (!planes)
        return rt_error_code();
    e->kernels->channel_dot[x->dtype](e, s, x->data, data_of(m), y->data, data_of(k), planes->data);
    add_planes(c, s, planes, scale, out);
    return RT_OK;
}

static rt_status dot_run(rt_call *c)
{
    return run_dot(c, c->in[0], c->in[1], c->in[2], NULL, 1, c->out[0]);
}

static void dot_backward(rt_call *c, rt_tensor *const *gs, rt_tensor **dx)
{
    rt_tensor *x = c->in[0], *m = c->in[1], *y = c->in[2], *g = gs[0];
    if (rt_needs(c, 0))
        dx[0] = affine(y, NULL, g, NULL);
    if (rt_needs(c, 1))
        dx[1] = rt_neg(rt_mul(g, channel_sum(y)));
    if (rt_needs(c, 2))
        dx[2] = affine(x, m, g, NULL);
}

static const rt_op dot_op = {
    .name = "channel_dot",
    RT_INTERNAL_ARGS(dot_args, DOT_FIELDS),
    .infer = dot_infer,
    .run = dot_run,
    .backward = dot_backward,
    .saves_in = 7,
};

/* ---- moments ---- */

#define MOMENTS_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "[n, c, ...]")
typedef struct moments_args {
    RT_STRUCT(MOMENTS_FIELDS)
} moments_args;

static rt_status moments_infer(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    RT_TRY(check_input(c, x));
    RT_TRY(rt_result(c, 0, rt_shape(x->dims.d[1]), x->dtype));
    return rt_result(c, 1, rt_shape(x->dims.d[1]), x->dtype);
}

static rt_status moments_run(rt_call *c)
{
    const rt_tensor *x = c->in[0], *mean = c->out[0];
    rt_channels s = channels_of(x);
    rt_exec *e = rt_exec_of(c);
    double scale = 1 / ((double)s.n * (double)s.len);
    const rt_tensor *planes = rt__tensor_new(rt_shape(s.n, s.c), x->dtype);
    if (!planes)
        return rt_error_code();
    e->kernels->sum[x->dtype](e, (rt_fold){s.n * s.c, s.len, 1}, x->data, planes->data);
    add_planes(c, s, planes, scale, mean);
    return run_dot(c, x, mean, x, mean, scale, c->out[1]);
}

/* dx = dvar * 2 (x - mean) / n + dmean / n */
static void moments_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    double n = count_of(c->in[0]);
    dx[0] = affine(c->in[0], c->out[0], rt_mul_scalar(dy[1], 2 / n), rt_mul_scalar(dy[0], 1 / n));
}

static const rt_op moments_op = {
    .name = "channel_moments",
    RT_INTERNAL_ARGS(moments_args, MOMENTS_FIELDS),
    .n_out = 2,
    .infer = moments_infer,
    .run = moments_run,
    .backward = moments_backward,
    .saves_in = 1,
    .saves_out = 1 << 0,
};

/* ---- the two of users ---- */

static rt_tensor *normalize(rt_tensor *x, rt_tensor *mean, rt_tensor *var, rt_tensor *weight,
                            rt_tensor *bias, double eps)
{
    rt_tensor *scale = rt_rsqrt(rt_add_scalar(var, eps));
    return affine(x, mean, weight ? rt_mul(scale, weight) : scale, bias);
}

static void batch_norm_compose(rt_call *c)
{
    const rt_batch_norm_args *a = c->args;
    rt_tensor *m[2] = {0};
    if (check_all(c) != RT_OK || rt_apply_all(&moments_op, &(moments_args){a->x}, m, 2) != RT_OK)
        return;
    c->out[0] = normalize(a->x, m[0], m[1], a->weight, a->bias, a->eps);
    c->out[1] = m[0];
    c->out[2] = m[1];
}

const rt_op rt__op_batch_norm = {
    .name = "batch_norm",
    .help = "y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and var of each channel",
    RT_ARGS(rt_batch_norm_args, RT_BATCH_NORM_FIELDS),
    .n_out = 3,
    .compose = batch_norm_compose,
};

rt_batch_norm_results rt_batch_norm_(rt_batch_norm_args a)
{
    rt_tensor *out[3] = {0};
    rt_apply_all(&rt__op_batch_norm, &a, out, 3);
    return (rt_batch_norm_results){out[0], out[1], out[2]};
}

static void batch_norm_by_compose(rt_call *c)
{
    const rt_batch_norm_by_args *a = c->args;
    if (check_all(c) == RT_OK)
        c->out[0] = normalize(a->x, a->mean, a->var, a->weight, a->bias, a->eps);
}

const rt_op rt__op_batch_norm_by = {
    .name = "batch_norm_by",
    .help = "y = (x - mean) / sqrt(var + eps) * weight + bias, with a mean and var that are given",
    RT_ARGS(rt_batch_norm_by_args, RT_BATCH_NORM_BY_FIELDS),
    .compose = batch_norm_by_compose,
};

rt_tensor *rt_batch_norm_by_(rt_batch_norm_by_args a)
{
    return rt_apply(&rt__op_batch_norm_by, &a);
}
