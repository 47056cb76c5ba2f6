/* Mean over any set of axes. dx: dy / n everywhere. */
#include "common/base/error.h"
#include "worker/engine/ops/reduce/fold.h"

static rt_status mean_infer(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_dtype given = ((const rt_sum_args *)c->args)->dtype,
             t = given == RT_NO_DTYPE ? x->dtype : given;
    if (rt__dtype_is_whole(t))
        return RT_FAIL(DTYPE, "mean: x is %s and the mean would be %s: give a float dtype",
                       rt_describe(x), rt_dtype_name(t));
    return rt__fold_infer(c, t);
}

static rt_status mean_run(rt_call *c)
{
    rt_tensor *y = c->out[0];
    rt_dtype t = rt__computed_in(y->dtype);
    const rt_tensor *x = rt_to(rt_to(c->in[0], y->dtype), t);
    rt_tensor *to = t == y->dtype ? y : rt__tensor_new(y->dims, t);
    if (!x || !to)
        return rt_error_code();
    rt_exec *e = rt_exec_of(c);
    RT_TRY(rt__fold_into(c, x, e->kernels->sum[t], to));
    e->kernels->scale[t](e, to->numel, 1.0 / (double)rt__fold_count(c), to->data, to->data);
    return to == y ? RT_OK : rt__convert_into(y, to);
}

/* The gradient of an empty mean has no elements, but dividing by 0 here would still affect the second derivative. */
static void mean_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    int64_t count = rt__fold_count(c);
    dx[0] = rt_to(rt__fold_spread(c, rt_mul_scalar(dy[0], 1.0 / (double)(count ? count : 1))),
                  c->in[0]->dtype);
}

#define MEAN_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape") RT_SUM_VALUES(F)

const rt_op rt__op_mean = {
    .name = "mean",
    .help = "y = mean of x over the axes",
    RT_ARGS(rt_sum_args, MEAN_FIELDS),
    .infer = mean_infer,
    .run = mean_run,
    .backward = mean_backward,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_mean_(rt_sum_args a)
{
    return rt_apply(&rt__op_mean, &a);
}
