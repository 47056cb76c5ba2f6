/* The root of the sum of powers of each window. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

/* 16-bit types are computed in float32. */
static rt_tensor *powers(const char *what, rt_tensor *x, double p)
{
    if (p == 0)
        return RT_FAIL_NULL(RANGE, "%s: norm_type is 0, expected another number", what);
    return rt_pow_scalar(rt__widened(x), p);
}

/* mean: of the powers of windows of `elements`. The result has the type of x. */
static rt_tensor *root(rt_tensor *mean, double elements, double p, const rt_tensor *x)
{
    return rt_to(rt_pow_scalar(rt_mul_scalar(mean, elements), 1 / p), x->dtype);
}

RT_COMPOSITE(lp_pool1d, rt_lp_pool1d_args, RT_LP_POOL1D_FIELDS,
             "y = (sum of x^p over each window)^(1/p)")
{
    rt_tensor *mean = rt_avg_pool1d(powers("lp_pool1d", a->x, a->norm_type), a->kernel,
                                    .stride = a->stride, .ceil_mode = a->ceil_mode);
    return root(mean, (double)a->kernel, a->norm_type, a->x);
}

RT_COMPOSITE(lp_pool2d, rt_lp_pool2d_args, RT_LP_POOL2D_FIELDS,
             "y = (sum of x^p over each window)^(1/p)")
{
    rt_tensor *mean =
        rt_avg_pool2d(powers("lp_pool2d", a->x, a->norm_type), {a->kernel[0], a->kernel[1]},
                      .stride = {a->stride[0], a->stride[1]}, .ceil_mode = a->ceil_mode);
    return root(mean, (double)a->kernel[0] * (double)a->kernel[1], a->norm_type, a->x);
}

RT_COMPOSITE(lp_pool3d, rt_lp_pool3d_args, RT_LP_POOL3D_FIELDS,
             "y = (sum of x^p over each window)^(1/p)")
{
    rt_tensor *mean = rt_avg_pool3d(
        powers("lp_pool3d", a->x, a->norm_type), {a->kernel[0], a->kernel[1], a->kernel[2]},
        .stride = {a->stride[0], a->stride[1], a->stride[2]}, .ceil_mode = a->ceil_mode);
    double plane = (double)a->kernel[1] * (double)a->kernel[2];
    return root(mean, (double)a->kernel[0] * plane, a->norm_type, a->x);
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
