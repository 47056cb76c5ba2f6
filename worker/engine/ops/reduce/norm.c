/* Reductions made of others: variances and deviations, norms, log-sum-exp, and sums without NaN. */
#include "worker/engine/ops/reduce/fold.h"
#include <math.h>

static rt_tensor *number(double value, const rt_tensor *like)
{
    return like ? rt_full(rt_shape(), value, like->dtype) : NULL;
}

/* Returns f(x), but `value` with the gradient 0 where x is 0. */
static rt_tensor *except_at_zero(rt_tensor *x, double value, rt_tensor *(*f)(rt_tensor *, double),
                                 double p)
{
    rt_tensor *zero = rt_eq(x, number(0, x));
    return rt_where(zero, number(value, x), f(rt_where(zero, number(1, x), x), p));
}

static rt_tensor *root(rt_tensor *x, double unused)
{
    (void)unused;
    return rt_sqrt(x);
}

RT_COMPOSITE(var, rt_var_mean_args, RT_VAR_MEAN_FIELDS,
             "y = sum(|x - mean|^2) / (n - correction) over the axes")
{
    return rt_var_mean_(*a).var;
}

RT_COMPOSITE(std, rt_var_mean_args, RT_VAR_MEAN_FIELDS, "y = sqrt(var) over the axes",
             .derivatives = 2)
{
    return except_at_zero(rt_var_mean_(*a).var, 0, root, 0);
}

RT_COMPOSITE_OF(std_mean, 2, rt_var_mean_args, RT_VAR_MEAN_FIELDS,
                "sqrt(var), and mean, over the axes", .derivatives = 2)
{
    rt_var_mean_results r = rt_var_mean_(*a);
    c->out[0] = except_at_zero(r.var, 0, root, 0);
    c->out[1] = r.mean;
}

RT_COMPOSITE(norm, rt_norm_args, RT_NORM_FIELDS, "y = sum(|x|^p)^(1/p) over the axes",
             .derivatives = 2)
{
    enum { INFINITE = 300 }; /* the exponent from which on p is infinite */
    bool complex = rt__dtype_is_complex(a->x->dtype);
    rt_tensor *x = complex ? rt_abs(a->x) : a->x;
    double p = a->p, infinite = pow(10, INFINITE);
    if (p == 2) /* squares need no sign removed */
        return except_at_zero(rt_sum(rt_square(x), a->axes, a->keep_dim), 0, root, 0);
    rt_reduce_args of_abs = {
        .x = complex ? x : rt_abs(x), .axes = a->axes, .keep_dim = a->keep_dim};
    if (p >= infinite)
        return rt_amax_(of_abs);
    if (p <= -infinite)
        return rt_amin_(of_abs);
    if (p == 0) /* sign has the gradient 0 */
        return rt_sum(rt_sign(of_abs.x), a->axes, a->keep_dim);
    if (p == 1)
        return rt_sum(of_abs.x, a->axes, a->keep_dim);
    rt_tensor *powers = except_at_zero(of_abs.x, p > 0 ? 0 : INFINITY, rt_pow_scalar, p);
    return except_at_zero(rt_sum(powers, a->axes, a->keep_dim), p > 0 ? 0 : INFINITY, rt_pow_scalar,
                          1 / p);
}

#define LOGSUMEXP_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_COMPLEX, "any shape") RT_REDUCE_VALUES(F)

RT_COMPOSITE(logsumexp, rt_reduce_args, LOGSUMEXP_FIELDS, "y = log(sum(exp(x))) over the axes",
             .derivatives = 2)
{
    rt_tensor *x = a->x;
    if (x->numel == 0)
        return rt_log(rt_sum(rt_exp(x), a->axes, a->keep_dim));
    rt_tensor *real = rt__dtype_is_complex(x->dtype) ? rt_real(x) : x;
    rt_tensor *most = rt_amax(rt_detach(real), a->axes, true);
    most = rt_where(rt_lt(rt_abs(most), number(INFINITY, most)), most, number(0, most));
    rt_tensor *sum = rt_sum(rt_exp(rt_sub(x, most)), a->axes, a->keep_dim);
    return sum ? rt_add(rt_log(sum), rt_reshape(most, sum->dims)) : NULL;
}

/* Returns x with 0 in the place of NaN. */
static rt_tensor *without_nan(rt_tensor *x)
{
    return rt__dtype_is_whole(x->dtype) ? x : rt_where(rt_ne(x, x), number(0, x), x);
}

RT_COMPOSITE(nansum, rt_sum_args, RT_SUM_FIELDS, "y = sum of x over the axes, without NaN")
{
    return rt_sum(without_nan(a->x), a->axes, a->keep_dim, a->dtype);
}

RT_COMPOSITE(nanmean, rt_sum_args, RT_SUM_FIELDS, "y = mean of x over the axes, without NaN")
{
    rt_tensor *sum = rt_sum(without_nan(a->x), a->axes, a->keep_dim, a->dtype);
    if (sum && !rt__dtype_is_float(sum->dtype)) /* mean says what is wrong */
        return rt_mean_(*a);
    rt_tensor *count = rt_sum(rt_eq(a->x, a->x), a->axes, a->keep_dim);
    return sum ? rt_div(sum, rt_to(count, sum->dtype)) : NULL;
}

rt_tensor *rt_var_(rt_var_mean_args a)
{
    return rt_apply(&rt__op_var, &a);
}

rt_tensor *rt_std_(rt_var_mean_args a)
{
    return rt_apply(&rt__op_std, &a);
}

rt_std_mean_results rt_std_mean_(rt_var_mean_args a)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_std_mean, &a, out, 2);
    return (rt_std_mean_results){out[0], out[1]};
}

rt_tensor *rt_norm_(rt_norm_args a)
{
    return rt_apply(&rt__op_norm, &a);
}

rt_tensor *rt_logsumexp_(rt_reduce_args a)
{
    return rt_apply(&rt__op_logsumexp, &a);
}

rt_tensor *rt_nansum_(rt_sum_args a)
{
    return rt_apply(&rt__op_nansum, &a);
}

rt_tensor *rt_nanmean_(rt_sum_args a)
{
    return rt_apply(&rt__op_nanmean, &a);
}
