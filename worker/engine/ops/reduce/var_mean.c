/* Variance and mean over any set of axes, in two passes: var = sum(|x - mean|^2) / (n - correction).
 * d x = dvar * 2 (x - mean) / (n - correction) + dmean / n. */
#include "common/base/error.h"
#include "worker/engine/ops/reduce/fold.h"

static rt_status var_mean_infer(rt_call *c)
{
    const rt_var_mean_args *a = c->args;
    const rt_tensor *x = c->in[0];
    RT_TRY(rt__fold_axes(c, a->axes));
    rt_dims dims = rt__fold_dims(x->dims, ((const rt_fold_plan *)c->plan)->axes, a->keep_dim);
    RT_TRY(rt_result(c, 0, dims, rt__part_type(x->dtype)));
    return rt_result(c, 1, dims, x->dtype);
}

/* y *= 1 / divisor, both parts of complex numbers; a divisor of 0 gives NaN or infinity. */
static void divide(const rt_call *c, const rt_tensor *y, double divisor)
{
    rt_exec *e = rt_exec_of(c);
    int64_t n = rt__dtype_is_complex(y->dtype) ? 2 * y->numel : y->numel;
    e->kernels->scale[rt__part_type(y->dtype)](e, n, 1 / divisor, y->data, y->data);
}

/* Squares the differences from the mean, broadcast over x; of complex numbers their absolute values. */
static rt_tensor *squared_differences(const rt_call *c, rt_tensor *x, rt_tensor *mean)
{
    rt_tensor *d = rt_sub(x, rt__fold_spread(c, mean));
    if (!rt__dtype_is_complex(x->dtype))
        return rt_square(d);
    return rt_contiguous(rt_real(rt_mul(d, rt_conj(d))));
}

static rt_status var_mean_run(rt_call *c)
{
    const rt_var_mean_args *a = c->args;
    rt_tensor *x = c->in[0], *var = c->out[0], *mean = c->out[1];
    rt_fold_fn *const *sum = rt_exec_of(c)->kernels->sum;
    double n = (double)rt__fold_count(c);
    RT_TRY(rt__fold_into(c, x, sum[x->dtype], mean));
    divide(c, mean, n);
    const rt_tensor *squares = squared_differences(c, x, mean);
    if (!squares)
        return rt_error_code();
    RT_TRY(rt__fold_into(c, squares, sum[var->dtype], var));
    divide(c, var, n > a->correction ? n - a->correction : 0);
    return RT_OK;
}

/* The gradient for no elements has no elements, but dividing by 0 here would still affect the second derivative. */
static double divisor(double n, double correction)
{
    return n > 0 ? n - correction : 1;
}

static void var_mean_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const rt_var_mean_args *a = c->args;
    double n = (double)rt__fold_count(c);
    rt_tensor *by_var = rt_mul_scalar(dy[0], 2 / divisor(n, a->correction));
    rt_tensor *by_mean = rt_mul_scalar(dy[1], 1 / divisor(n, 0));
    rt_tensor *difference = rt_sub(c->in[0], rt__fold_spread(c, c->out[1]));
    dx[0] = rt_add(rt_mul(difference, rt__fold_spread(c, by_var)), rt__fold_spread(c, by_mean));
}

const rt_op rt__op_var_mean = {
    .name = "var_mean",
    .help = "var = sum(|x - mean|^2) / (n - correction), and mean = sum(x) / n, over the axes",
    RT_ARGS(rt_var_mean_args, RT_VAR_MEAN_FIELDS),
    .n_out = 2,
    .infer = var_mean_infer,
    .run = var_mean_run,
    .backward = var_mean_backward,
    .saves_in = 1,
    .saves_out = 1 << 1,
    .plan_size = sizeof(rt_fold_plan),
};

rt_var_mean_results rt_var_mean_(rt_var_mean_args a)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_var_mean, &a, out, 2);
    return (rt_var_mean_results){out[0], out[1]};
}
