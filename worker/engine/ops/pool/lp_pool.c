/* The root of the sum of powers of each window: of their mean, times the number of elements of a whole window. */
#include "common/base/error.h"
#include "worker/engine/ops/pool/pool.h"

/* 16-bit types are computed in float32. */
static rt_tensor *root(const rt_call *c, double p, const rt_windows *w)
{
    rt_tensor *x = c->in[0];
    double elements = 1;
    if (p == 0)
        return RT_FAIL_NULL(RANGE, "%s: norm_type is 0, expected another number", c->op->name);
    for (int i = 0; i < w->axes; i++)
        elements *= (double)w->kernel[i];
    rt_tensor *wide = rt__widened(x), *powers = p == 2 ? rt_square(wide) : rt_pow_scalar(wide, p);
    rt_tensor *mean = rt__pool_mean(c->op->name, powers, w, true, RT_NOT_GIVEN);
    return rt_to(rt_pow_scalar(rt_mul_scalar(mean, elements), 1 / p), x->dtype);
}

#define WINDOWS(axes, first)                                                                       \
    &(rt_windows)                                                                                  \
    {                                                                                              \
        RT_STEPS(axes, first), .ceil_mode = a->ceil_mode                                           \
    }

RT_COMPOSITE(lp_pool1d, rt_lp_pool1d_args, RT_LP_POOL1D_FIELDS,
             "y = (sum of x^p over each window)^(1/p)")
{
    return root(c, a->norm_type, WINDOWS(1, &));
}

RT_COMPOSITE(lp_pool2d, rt_lp_pool2d_args, RT_LP_POOL2D_FIELDS,
             "y = (sum of x^p over each window)^(1/p)")
{
    return root(c, a->norm_type, WINDOWS(2, ));
}

RT_COMPOSITE(lp_pool3d, rt_lp_pool3d_args, RT_LP_POOL3D_FIELDS,
             "y = (sum of x^p over each window)^(1/p)")
{
    return root(c, a->norm_type, WINDOWS(3, ));
}

rt_tensor *rt_lp_pool1d_(rt_lp_pool1d_args a)
{
    return rt_apply(&rt__op_lp_pool1d, &a);
}

rt_tensor *rt_lp_pool2d_(rt_lp_pool2d_args a)
{
    return rt_apply(&rt__op_lp_pool2d, &a);
}

rt_tensor *rt_lp_pool3d_(rt_lp_pool3d_args a)
{
    return rt_apply(&rt__op_lp_pool3d, &a);
}
