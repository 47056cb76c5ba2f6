/* Sum and mean over any set of axes. d sum: dy everywhere; d mean: dy / n. */
#include "worker/engine/ops/reduce/fold.h"

/* Counts are int64, as in PyTorch. */
static rt_dtype sum_dtype(rt_dtype t)
{
    return t == RT_BOOL || t == RT_U8 || t == RT_I32 ? RT_I64 : t;
}

static rt_status sum_infer(rt_call *c)
{
    return rt__fold_infer(c, sum_dtype(c->in[0]->dtype));
}

static rt_status sum_run(rt_call *c)
{
    const rt_tensor *x = rt_to(c->in[0], c->out[0]->dtype);
    return x ? rt__fold_run(c, x, rt_exec_of(c)->kernels->sum[x->dtype]) : rt_error_code();
}

static void sum_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__fold_spread(c, dy[0]);
}

#define SUM_FIELDS(F)                                                                              \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_TYPE(I64) | RT_TYPE(I32) | RT_TYPE(U8) | RT_TYPE(BOOL),  \
      "any shape")                                                                                 \
    RT_REDUCE_VALUES(F)

const rt_op rt__op_sum = {
    .name = "sum",
    .help = "y = sum of x over the axes",
    RT_ARGS(rt_reduce_args, SUM_FIELDS),
    .infer = sum_infer,
    .run = sum_run,
    .backward = sum_backward,
    .plan_size = sizeof(rt_fold_plan),
};

static rt_status mean_infer(rt_call *c)
{
    return rt__fold_infer(c, c->in[0]->dtype);
}

static rt_status mean_run(rt_call *c)
{
    const rt_tensor *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    rt_status status = sum_run(c);
    if (status == RT_OK)
        e->kernels->scale[y->dtype](e, y->numel, 1.0 / (double)rt__fold_count(c), y->data, y->data);
    return status;
}

/* The mean of nothing has a gradient without elements; dividing by 0 for it would still reach the second derivative. */
static void mean_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    int64_t count = rt__fold_count(c);
    dx[0] = rt__fold_spread(c, rt_mul_scalar(dy[0], 1.0 / (double)(count ? count : 1)));
}

const rt_op rt__op_mean = {
    .name = "mean",
    .help = "y = mean of x over the axes",
    RT_ARGS(rt_reduce_args, RT_REDUCE_FIELDS),
    .infer = mean_infer,
    .run = mean_run,
    .backward = mean_backward,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_sum_(rt_reduce_args a)
{
    return rt_apply(&rt__op_sum, &a);
}

rt_tensor *rt_mean_(rt_reduce_args a)
{
    return rt_apply(&rt__op_mean, &a);
}

rt_tensor *rt__sum_to(rt_tensor *x, rt_dims dims)
{
    if (!x || rt__dims_equal(x->dims, dims))
        return x;
    rt_reduce_args a = {x};
    int lead = x->dims.n - dims.n;
    for (int i = 0; i < x->dims.n; i++)
        if (i < lead || (dims.d[i - lead] == 1 && x->dims.d[i] != 1))
            a.axes.d[a.axes.n++] = i;
    return rt_reshape(a.axes.n ? rt_sum_(a) : x, dims);
}
