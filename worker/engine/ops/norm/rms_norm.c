/* y = x / sqrt(mean of x^2 + eps) * weight over the last axes (Zhang and Sennrich 2019). Rows count as the channels of a batch with one
 * sample. */
#include "common/base/error.h"
#include "worker/engine/ops/norm/channels.h"
#include "worker/engine/ops/norm/rows.h"

/* Returns the distance from 1 to the next number of a float type. */
static double spacing(rt_dtype dtype)
{
    return dtype == RT_F64   ? 0x1p-52
           : dtype == RT_F32 ? 0x1p-23
           : dtype == RT_F16 ? 0x1p-10
                             : 0x1p-7;
}

RT_COMPOSITE(rms_norm, rt_rms_norm_args, RT_RMS_NORM_FIELDS,
             "y = x / sqrt(mean of x^2 + eps) * weight over the last axes", .derivatives = 2)
{
    rt_tensor *x = rt__widened(a->x), *weight = rt__widened(a->weight);
    rt_dims dims = a->x->dims;
    rt_dtype dtype = a->x->dtype;
    if (rt__last_axes_check(c, a->axes) != RT_OK)
        return NULL;
    int64_t len = 1;
    for (int i = dims.n - (int)a->axes; i < dims.n; i++)
        len *= dims.d[i];
    double eps = a->eps == (double)RT_NOT_GIVEN ? spacing(dtype) : a->eps;
    int64_t n = len > 0 ? a->x->numel / len : 0;
    rt_tensor *rows = rt_reshape(x, rt_shape(1, n, len));
    rt_tensor *mean =
        rt_mul_scalar(rt__channel_dot(rows, NULL, rows), 1 / (double)(len > 0 ? len : 1));
    rt_tensor *y =
        rt_reshape(rt__channel_affine(rows, NULL, rt_rsqrt(rt_add_scalar(mean, eps)), NULL), dims);
    return rt_to(weight ? rt_mul(y, weight) : y, dtype);
}

rt_tensor *rt_rms_norm_(rt_rms_norm_args a)
{
    return rt_apply(&rt__op_rms_norm, &a);
}
