/* The mean of each window. It is linear: the gradient of its gradient is the pooling again. */
#include "common/base/error.h"
#include "worker/engine/ops/pool/pool.h"

/* ---- of windows whose shape is known, and its gradient: each is the other's gradient ---- */

#define MEAN_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_INTEGERS, "x, or dy")
typedef struct RT_DESIGNATED mean_args {
    RT_STRUCT(MEAN_FIELDS)
    rt_dims dims; /* of the result */
    rt_pool_shape s;
} mean_args;

static const rt_op mean_op, grad_op;

static rt_status infer(rt_call *c)
{
    return rt_result(c, 0, ((const mean_args *)c->args)->dims, c->in[0]->dtype);
}

static rt_status mean_run(rt_call *c)
{
    const mean_args *a = c->args;
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->avg_pool[x->dtype](e, &a->s, x->data, c->out[0]->data);
    return RT_OK;
}

static rt_status grad_run(rt_call *c)
{
    const mean_args *a = c->args;
    const rt_tensor *dy = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->avg_pool_dx[dy->dtype](e, &a->s, dy->data, c->out[0]->data);
    return RT_OK;
}

static rt_tensor *reversed(const rt_call *c, const rt_op *op, rt_tensor *dy)
{
    const mean_args *a = c->args;
    return rt_apply(op, &(mean_args){.x = dy, .dims = c->in[0]->dims, .s = a->s});
}

static void mean_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = reversed(c, &grad_op, dy[0]);
}

static void grad_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    dx[0] = reversed(c, &mean_op, g[0]);
}

static const rt_op mean_op = {
    .name = "avg_pool",
    RT_INTERNAL_ARGS(mean_args, MEAN_FIELDS),
    .infer = infer,
    .run = mean_run,
    .backward = mean_backward,
};

static const rt_op grad_op = {
    .name = "avg_pool_grad",
    RT_INTERNAL_ARGS(mean_args, MEAN_FIELDS),
    .infer = infer,
    .run = grad_run,
    .backward = grad_backward,
};

/* ---- windows of one size ---- */

rt_tensor *rt__pool_mean(const char *what, rt_tensor *x, const rt_windows *w,
                         bool count_include_pad, int64_t divisor)
{
    mean_args a = {.x = x};
    if (!x || rt__pool_windows(what, x, w, &a.s, &a.dims) != RT_OK)
        return NULL;
    if (divisor == 0)
        return RT_FAIL_NULL(RANGE, "%s: divisor_override is 0, expected another number", what);
    a.s.skip_padding = !count_include_pad;
    a.s.divisor = divisor == RT_NOT_GIVEN ? 0 : divisor;
    return rt_apply(&mean_op, &a);
}

/* The mean that arguments a ask for. */
#define MEAN(axes, first)                                                                          \
    rt__pool_mean(c->op->name, a->x,                                                               \
                  &(rt_windows){RT_STEPS(axes, first), .padding = first a->padding,                \
                                .ceil_mode = a->ceil_mode},                                        \
                  a->count_include_pad, a->divisor_override)

RT_COMPOSITE(avg_pool1d, rt_avg_pool1d_args, RT_AVG_POOL1D_FIELDS,
             "y = sum over each window / its number of elements")
{
    return MEAN(1, &);
}

RT_COMPOSITE(avg_pool2d, rt_avg_pool2d_args, RT_AVG_POOL2D_FIELDS,
             "y = sum over each window / its number of elements")
{
    return MEAN(2, );
}

RT_COMPOSITE(avg_pool3d, rt_avg_pool3d_args, RT_AVG_POOL3D_FIELDS,
             "y = sum over each window / its number of elements")
{
    return MEAN(3, );
}

rt_tensor *rt_avg_pool1d_(rt_avg_pool1d_args a)
{
    return rt_apply(&rt__op_avg_pool1d, &a);
}

rt_tensor *rt_avg_pool2d_(rt_avg_pool2d_args a)
{
    return rt_apply(&rt__op_avg_pool2d, &a);
}

rt_tensor *rt_avg_pool3d_(rt_avg_pool3d_args a)
{
    return rt_apply(&rt__op_avg_pool3d, &a);
}

/* ---- a given number of windows ---- */

/* A single window is the mean over its axes. */
static rt_tensor *adaptive(const rt_call *c, rt_tensor *x, int axes, const int64_t *size)
{
    mean_args a = {.x = x};
    if (rt__pool_adaptive(c->op->name, x, axes, size, &a.s, &a.dims) != RT_OK)
        return NULL;
    rt_dims all = {.n = axes, .d = {-1, -2, -3}};
    bool single = a.s.out[0] == 1 && a.s.out[1] == 1 && a.s.out[2] == 1;
    return single ? rt_mean(x, all, .keep_dim = true) : rt_apply(&mean_op, &a);
}

RT_COMPOSITE(adaptive_avg_pool1d, rt_adaptive_pool1d_args, RT_ADAPTIVE_POOL1D_FIELDS,
             "y = mean over each of `size` windows that cover x")
{
    return adaptive(c, a->x, 1, &a->size);
}

RT_COMPOSITE(adaptive_avg_pool2d, rt_adaptive_pool2d_args, RT_ADAPTIVE_POOL2D_FIELDS,
             "y = mean over each of `size` windows that cover x")
{
    return adaptive(c, a->x, 2, a->size);
}

RT_COMPOSITE(adaptive_avg_pool3d, rt_adaptive_pool3d_args, RT_ADAPTIVE_POOL3D_FIELDS,
             "y = mean over each of `size` windows that cover x")
{
    return adaptive(c, a->x, 3, a->size);
}

rt_tensor *rt_adaptive_avg_pool1d_(rt_adaptive_pool1d_args a)
{
    return rt_apply(&rt__op_adaptive_avg_pool1d, &a);
}

rt_tensor *rt_adaptive_avg_pool2d_(rt_adaptive_pool2d_args a)
{
    return rt_apply(&rt__op_adaptive_avg_pool2d, &a);
}

rt_tensor *rt_adaptive_avg_pool3d_(rt_adaptive_pool3d_args a)
{
    return rt_apply(&rt__op_adaptive_avg_pool3d, &a);
}
