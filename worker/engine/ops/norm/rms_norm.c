/* y = x / sqrt(mean of x^2 + eps) * weight over the last axes (Zhang and Sennrich 2019). Rows count as the channels of a batch with one
 * sample. */
#include "common/base/error.h"
#include "worker/engine/ops/norm/channels.h"
#include "worker/engine/ops/norm/rows.h"

/* Returns the distance from 1 to the next number of the type in which a float or complex type is computed. */
static double spacing(rt_dtype dtype)
{
    return rt__part_type(dtype) == RT_F64 ? 0x1p-52 : 0x1p-23;
}

/* The same of complex numbers, by their operations. */
static rt_tensor *complex_norm(rt_tensor *x, int64_t axes, double eps)
{
    rt_dims last = {.n = (int)axes};
    for (int i = 0; i < last.n; i++)
        last.d[i] = -1 - i;
    rt_tensor *mean = rt_mean(rt_square(x), last, .keep_dim = true);
    return rt_mul(x, rt_rsqrt(rt_add_scalar(mean, eps)));
}

static rt_tensor *row_norm(rt_tensor *x, int64_t axes, double eps)
{
    rt_dims dims = x->dims;
    int64_t len = 1;
    for (int i = dims.n - (int)axes; i < dims.n; i++)
        len *= dims.d[i];
    int64_t n = len > 0 ? x->numel / len : 0;
    rt_tensor *rows = rt_reshape(x, rt_shape(1, n, len));
    rt_tensor *mean =
        rt_mul_scalar(rt__channel_dot(rows, NULL, rows), 1 / (double)(len > 0 ? len : 1));
    return rt_reshape(rt__channel_affine(rows, NULL, rt_rsqrt(rt_add_scalar(mean, eps)), NULL),
                      dims);
}

RT_COMPOSITE(rms_norm, rt_rms_norm_args, RT_RMS_NORM_FIELDS,
             "y = x / sqrt(mean of x^2 + eps) * weight over the last axes", .derivatives = 2)
{
    rt_tensor *x = rt__widened(a->x), *weight = rt__widened(a->weight);
    rt_dtype dtype = a->x->dtype;
    if (!x || rt__last_axes_check(c, a->axes) != RT_OK)
        return NULL;
    double eps = a->eps == (double)RT_NOT_GIVEN ? spacing(dtype) : a->eps;
    rt_tensor *y =
        rt__dtype_is_complex(dtype) ? complex_norm(x, a->axes, eps) : row_norm(x, a->axes, eps);
    return rt_to(weight ? rt_mul(y, weight) : y, dtype);
}

rt_tensor *rt_rms_norm_(rt_rms_norm_args a)
{
    return rt_apply(&rt__op_rms_norm, &a);
}
