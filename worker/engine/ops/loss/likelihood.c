/* Minus the logarithms of likelihoods of a target under distributions with the given parameters, and the divergence of distributions. */
#include "common/base/error.h"
#include "worker/engine/ops/loss/loss.h"
#include "worker/engine/ops/norm/rows.h"
#include <math.h>

/* x log y for x and y >= 0, with 0 log 0 = 0, whose gradient there is 0 as well. */
static rt_tensor *times_log(rt_tensor *x, rt_tensor *y)
{
    rt_tensor *one = rt_full(rt_shape(), 1, y->dtype), *zero = rt_full(rt_shape(), 0, x->dtype);
    return rt_mul(x, rt_log(rt_where(rt_eq(x, zero), one, y)));
}

RT_COMPOSITE(kl_div, rt_kl_div_args, RT_KL_DIV_FIELDS, "y = t (log t - x), reduced; t the target",
             .derivatives = 2)
{
    rt_tensor *x = a->x, *t = a->target;
    rt_tensor *losses =
        a->log_target ? rt_mul(rt_exp(t), rt_sub(t, x)) : rt_sub(times_log(t, t), rt_mul(t, x));
    if (a->reduction != RT_BATCH_MEAN)
        return rt__loss_reduced(losses, a->reduction);
    return rt_mul_scalar(rt_sum(losses), x->dims.n > 0 ? 1.0 / (double)x->dims.d[0] : 1);
}

rt_tensor *rt_kl_div_(rt_kl_div_args a)
{
    return rt_apply(&rt__op_kl_div, &a);
}

/* Stirling: log t! = t log t - t + log(2 pi t) / 2, nearly, for t > 1; 0 for smaller t. */
static rt_tensor *log_factorial(rt_tensor *t)
{
    if (!t)
        return NULL;
    rt_tensor *one = rt_full(rt_shape(), 1, t->dtype), *zero = rt_full(rt_shape(), 0, t->dtype);
    rt_tensor *large = rt_gt(t, one), *n = rt_where(large, t, one);
    rt_tensor *root = rt_mul_scalar(rt_log(rt_mul_scalar(n, 2 * M_PI)), 0.5);
    return rt_where(large, rt_add(rt_sub(rt_mul(n, rt_log(n)), n), root), zero);
}

RT_COMPOSITE(poisson_nll_loss, rt_poisson_nll_loss_args, RT_POISSON_NLL_LOSS_FIELDS,
             "y = exp(x) - target * x, or x - target * log(x + eps), reduced", .derivatives = 2)
{
    rt_tensor *x = rt__loss_wide(a->x), *t = rt__loss_wide(a->target);
    rt_tensor *losses = a->log_input ? rt_sub(rt_exp(x), rt_mul(t, x))
                                     : rt_sub(x, rt_mul(t, rt_log(rt_add_scalar(x, a->eps))));
    if (a->full)
        losses = rt_add(losses, log_factorial(t));
    return rt_to(rt__loss_reduced(losses, a->reduction), a->x->dtype);
}

rt_tensor *rt_poisson_nll_loss_(rt_poisson_nll_loss_args a)
{
    return rt__loss_apply(&rt__op_poisson_nll_loss, &a, a.reduction);
}

/* Fails unless each variance is 0 or more. */
static rt_status check_variance(rt_tensor *var)
{
    double least = var->numel > 0 ? rt_item(rt_amin(rt_detach(var))) : 0;
    if (least < 0)
        return RT_FAIL(RANGE, "gaussian_nll_loss: a variance is %g, expected 0 or more", least);
    return rt_error_code();
}

RT_COMPOSITE(gaussian_nll_loss, rt_gaussian_nll_loss_args, RT_GAUSSIAN_NLL_LOSS_FIELDS,
             "y = (log(var) + (x - target)^2 / var) / 2, reduced", .derivatives = 2)
{
    rt_tensor *var = a->var;
    if (check_variance(var) != RT_OK)
        return NULL;
    rt_dims outer = a->x->dims;
    outer.n -= outer.n > 0;
    if (a->x->dims.n > 0 && rt__dims_equal(var->dims, outer) &&
        !rt__dims_equal(var->dims, a->x->dims))
        var = rt_unsqueeze(var, -1); /* one variance for each row */
    var = rt__at_least(var, a->eps);
    rt_tensor *d = rt_sub(a->x, a->target);
    rt_tensor *losses = rt_mul_scalar(rt_add(rt_log(var), rt_div(rt_mul(d, d), var)), 0.5);
    if (a->full)
        losses = rt_add_scalar(losses, 0.5 * log(2 * M_PI));
    return rt__loss_reduced(losses, a->reduction);
}

rt_tensor *rt_gaussian_nll_loss_(rt_gaussian_nll_loss_args a)
{
    return rt__loss_apply(&rt__op_gaussian_nll_loss, &a, a.reduction);
}
