/* y = (x - mean) / sqrt(var + eps) * weight + bias for each channel.
 *
 * It is composed of three operations on channels whose gradients are the same three operations, so it has gradients of any order:
 *     moments   mean = sum(x) / n, var = sum((x - mean)^2) / n
 *     affine    y = (x - m) * a + b
 *     dot       sum((x - m) * (y - k))
 * Sums run over all axes but the channels, in the same order as rt_sum over these axes. */
#include "worker/engine/ops/norm/channels.h"

#include "common/base/error.h"
#include <ringtorch/exchange.h>

static rt_channels channels_of(const rt_tensor *x)
{
    int64_t c = x->dims.d[1], n = x->dims.d[0], rows = n * c;
    return (rt_channels){n, c, rows > 0 ? x->numel / rows : 0};
}

/* Returns the number of values per channel, but 1 instead of 0, because gradients without elements would be divided by it. */
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

/* Fails unless input i has shape [channels] or was left out. */
static rt_status check_channels(const rt_call *c, int i, const rt_tensor *x)
{
    const rt_tensor *v = c->in[i];
    if (!v || (v->dims.n == 1 && v->dims.d[0] == x->dims.d[1]))
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: %s is %s, expected %lld numbers, one for each channel", c->op->name,
                   c->op->fields[i].name, rt_describe(v), (long long)x->dims.d[1]);
}

rt_status rt__channels_check(const rt_call *c)
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

/* Adds up the sums of planes [n, c] to sums of channels, multiplied by `scale`. */
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
typedef struct RT_DESIGNATED affine_args {
    RT_STRUCT(AFFINE_FIELDS)
} affine_args;
static const rt_op affine_op;

rt_tensor *rt__channel_affine(rt_tensor *x, rt_tensor *m, rt_tensor *a, rt_tensor *b)
{
    return rt_apply(&affine_op, &(affine_args){.x = x, .m = m, .a = a, .b = b});
}

#define DOT_FIELDS(F)                                                                              \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, c, ...]")                                     \
    F(INPUT, m, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 0")                                  \
    F(INPUT, y, RT_NEEDED, RT_SAME | RT_FLOATS, "as x")
typedef struct RT_DESIGNATED dot_args {
    RT_STRUCT(DOT_FIELDS)
} dot_args;
static const rt_op dot_op;

rt_tensor *rt__channel_dot(rt_tensor *x, rt_tensor *m, rt_tensor *y)
{
    return rt_apply(&dot_op, &(dot_args){.x = x, .m = m, .y = y});
}

/* Returns the sum of each channel. */
static rt_tensor *channel_sum(rt_tensor *x)
{
    rt_dims axes = rt_shape(0);
    for (int i = 2; i < rt_dims_of(x).n; i++)
        axes.d[axes.n++] = i;
    return rt_sum(x, axes);
}

static rt_status affine_infer(rt_call *c)
{
    RT_TRY(rt__channels_check(c));
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
        dx[0] = rt__channel_affine(dy, NULL, a, NULL);
    if (rt_needs(c, 1))
        dx[1] = rt_neg(rt_mul(a, sum));
    if (rt_needs(c, 2))
        dx[2] = rt__channel_dot(c->in[0], c->in[1], dy);
    if (rt_needs(c, 3))
        dx[3] = sum;
}

static const rt_op affine_op = {
    .name = "channel_affine",
    RT_INTERNAL_ARGS(affine_args, AFFINE_FIELDS),
    .infer = affine_infer,
    .run = affine_run,
    .backward = affine_backward,
    .saves_in_for = (const uint32_t[]){1 << 2, 1 << 2, 1 << 0 | 1 << 1, 0},
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
        dx[0] = rt__channel_affine(y, NULL, g, NULL);
    if (rt_needs(c, 1))
        dx[1] = rt_neg(rt_mul(g, channel_sum(y)));
    if (rt_needs(c, 2))
        dx[2] = rt__channel_affine(x, m, g, NULL);
}

static const rt_op dot_op = {
    .name = "channel_dot",
    RT_INTERNAL_ARGS(dot_args, DOT_FIELDS),
    .infer = dot_infer,
    .run = dot_run,
    .backward = dot_backward,
    .saves_in_for = (const uint32_t[]){1 << 2, 1 << 2, 1 << 0 | 1 << 1},
};

/* ---- moments ---- */

#define MOMENTS_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "[n, c, ...]")
typedef struct RT_DESIGNATED moments_args {
    RT_STRUCT(MOMENTS_FIELDS)
} moments_args;

static rt_status moments_infer(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    RT_TRY(check_input(c, x));
    RT_TRY(rt_result(c, 0, rt_shape(x->dims.d[1]), x->dtype));
    return rt_result(c, 1, rt_shape(x->dims.d[1]), x->dtype);
}

/* Writes scale * sum(x). */
static rt_status run_sum(const rt_call *c, const rt_tensor *x, double scale, const rt_tensor *out)
{
    rt_channels s = channels_of(x);
    rt_exec *e = rt_exec_of(c);
    const rt_tensor *planes = rt__tensor_new(rt_shape(s.n, s.c), x->dtype);
    if (!planes)
        return rt_error_code();
    e->kernels->sum[x->dtype](e, (rt_fold){s.n * s.c, s.len, 1}, x->data, planes->data);
    add_planes(c, s, planes, scale, out);
    return RT_OK;
}

static rt_status moments_run(rt_call *c)
{
    const rt_tensor *x = c->in[0], *mean = c->out[0];
    rt_channels s = channels_of(x);
    double scale = 1 / ((double)s.n * (double)s.len);
    RT_TRY(run_sum(c, x, scale, mean));
    return run_dot(c, x, mean, x, mean, scale, c->out[1]);
}

/* dx = dvar * 2 (x - mean) / n + dmean / n */
static void moments_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    double n = count_of(c->in[0]);
    dx[0] = rt__channel_affine(c->in[0], c->out[0], rt_mul_scalar(dy[1], 2 / n),
                               rt_mul_scalar(dy[0], 1 / n));
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

rt_status rt__channel_moments(rt_tensor *x, rt_tensor *moments[2])
{
    return rt_apply_all(&moments_op, &(moments_args){.x = x}, moments, 2);
}

/* ---- moments over all slices ---- */

#define WHOLE_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_TYPE(F32) | RT_TYPE(F64), "in whole_moments [n, c, ...]")
typedef struct RT_DESIGNATED whole_args {
    RT_STRUCT(WHOLE_FIELDS)
} whole_args;

static double number_at(const rt_tensor *x, int64_t i)
{
    return x->dtype == RT_F64 ? ((const double *)x->data)[i] : (double)((const float *)x->data)[i];
}

static void set_number(const rt_tensor *x, int64_t i, double value)
{
    if (x->dtype == RT_F64)
        ((double *)x->data)[i] = value;
    else
        ((float *)x->data)[i] = (float)value;
}

/* y = the sum of x over the slices. Its gradient is the sum of the slices' gradients. */
static rt_status sum_slices_run(rt_call *c)
{
    const rt_tensor *x = c->in[0], *sums = rt__tensor_new(x->dims, RT_F64);
    if (!sums || !rt__on_host(c))
        return sums ? rt__no_kernel(c, "sum_slices") : rt_error_code();
    for (int64_t i = 0; i < x->numel; i++)
        set_number(sums, i, number_at(x, i));
    RT_TRY(rt_exchange_sum(sums->data, x->numel, RT_F64));
    for (int64_t i = 0; i < x->numel; i++)
        set_number(c->out[0], i, number_at(sums, i));
    return RT_OK;
}

static rt_tensor *sum_slices(rt_tensor *x);

static void sum_slices_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = sum_slices(dy[0]);
}

static const rt_op sum_slices_op = {
    .name = "sum_slices",
    RT_INTERNAL_ARGS(whole_args, WHOLE_FIELDS),
    .infer = rt__infer_like_first,
    .run = sum_slices_run,
    .backward = sum_slices_backward,
};

static rt_tensor *sum_slices(rt_tensor *x)
{
    return rt_apply(&sum_slices_op, &(whole_args){.x = x});
}

static rt_status whole_infer(rt_call *c)
{
    RT_TRY(moments_infer(c));
    return rt_result(c, 2, rt_shape(), RT_I64);
}

/* Needs a single exchange: of the number of values, and of each channel's sum of x and sum of x^2. The latter is derived from the squares
 * about the slice's own mean m: sum((x - m)^2) + m (2 sum(x) - n m). */
static rt_status whole_run(rt_call *c)
{
    const rt_tensor *x = c->in[0], *mean = c->out[0], *var = c->out[1];
    rt_channels s = channels_of(x);
    const double n = (double)s.n * (double)s.len;
    const rt_tensor *sums = rt__tensor_new(rt_shape(1 + 2 * s.c), RT_F64);
    if (!sums || !rt__on_host(c))
        return sums ? rt__no_kernel(c, "whole_moments") : rt_error_code();
    double *count = sums->data, *sum = count + 1, *squares = sum + s.c;
    RT_TRY(run_sum(c, x, 1, mean));
    *count = n;
    for (int64_t i = 0; i < s.c; i++) {
        sum[i] = number_at(mean, i);
        set_number(mean, i, sum[i] / (n > 0 ? n : 1));
    }
    RT_TRY(run_dot(c, x, mean, x, mean, 1, var));
    for (int64_t i = 0; i < s.c; i++) {
        double m = number_at(mean, i);
        squares[i] = number_at(var, i) + m * (2 * sum[i] - n * m);
    }
    RT_TRY(rt_exchange_sum(sums->data, sums->numel, RT_F64));
    for (int64_t i = 0; i < s.c; i++) {
        double m = sum[i] / *count, v = (squares[i] - m * sum[i]) / *count;
        set_number(mean, i, m);
        set_number(var, i, v < 0 ? 0 : v);
    }
    *(int64_t *)c->out[2]->data = (int64_t)*count;
    return RT_OK;
}

/* Like the backward of moments, but with the sum of all slices' gradients, because every slice's result depends on this mean and variance. */
static void whole_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const double n = (double)*(const int64_t *)c->out[2]->data;
    const int64_t channels = rt_numel(dy[0]);
    rt_tensor *all = sum_slices(rt_cat((rt_tensor *[]){dy[0], dy[1]}, 2, 0));
    if (all)
        dx[0] = rt__channel_affine(c->in[0], c->out[0],
                                   rt_mul_scalar(rt_narrow(all, 0, channels, channels), 2 / n),
                                   rt_mul_scalar(rt_narrow(all, 0, 0, channels), 1 / n));
}

static const rt_op whole_op = {
    .name = "whole_moments",
    RT_INTERNAL_ARGS(whole_args, WHOLE_FIELDS),
    .n_out = 3,
    .infer = whole_infer,
    .run = whole_run,
    .backward = whole_backward,
    .saves_in = 1,
    .saves_out = 1 << 0 | 1 << 2,
};

rt_status rt__whole_moments(rt_tensor *x, rt_tensor *moments[2], int64_t *count)
{
    rt_tensor *out[3] = {0};
    RT_TRY(rt_apply_all(&whole_op, &(whole_args){.x = x}, out, 3));
    moments[0] = out[0];
    moments[1] = out[1];
    *count = *(const int64_t *)out[2]->data;
    return RT_OK;
}

/* ---- the normalisation ---- */

rt_tensor *rt__channels_normalize(rt_tensor *x, rt_tensor *mean, rt_tensor *var, rt_tensor *weight,
                                  rt_tensor *bias, double eps)
{
    rt_tensor *scale = rt_rsqrt(rt_add_scalar(var, eps));
    return rt__channel_affine(x, mean, weight ? rt_mul(scale, weight) : scale, bias);
}
