/* y = x / (k + alpha * s / size)^beta, s the sum of x^2 over neighbouring channels (Krizhevsky et al. 2012). */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

/* The window of a channel begins size / 2 before it. What lies outside of x counts as 0. */
RT_COMPOSITE(local_response_norm, rt_local_response_norm_args, RT_LOCAL_RESPONSE_NORM_FIELDS,
             "y = x / (k + alpha * s / size)^beta, s the sum of x^2 over `size` channels")
{
    rt_tensor *x = a->x;
    rt_dims dims = x->dims;
    if (dims.n < 3)
        return RT_FAIL_NULL(SHAPE,
                            "local_response_norm: %s, expected [n, channels, ...] with three "
                            "axes or more",
                            rt_describe(x));
    if (x->numel == 0)
        return x;
    int64_t n = dims.d[0], channels = dims.d[1], len = x->numel / (n * channels);
    /* a window need not reach further than all channels */
    int64_t before = a->size / 2 < channels ? a->size / 2 : channels,
            after = (a->size - 1) / 2 < channels ? (a->size - 1) / 2 : channels,
            width = before + 1 + after;
    rt_tensor *square = rt_reshape(rt_square(x), rt_shape(n, 1, channels, len));
    rt_tensor *padded =
        rt_cat((rt_tensor *[]){rt_zeros(rt_shape(n, 1, before, len), x->dtype), square,
                               rt_zeros(rt_shape(n, 1, after, len), x->dtype)},
               3, 2);
    rt_tensor *mean =
        rt_avg_pool2d(padded, {width, 1}, .stride = {1, 1}, .divisor_override = a->size);
    rt_tensor *root = rt_pow_scalar(
        rt_add_scalar(rt_mul_scalar(rt_reshape(mean, dims), a->alpha), a->k), a->beta);
    return rt_div(x, root);
}

rt_tensor *rt_local_response_norm_(rt_local_response_norm_args a)
{
    return rt_apply(&rt__op_local_response_norm, &a);
}
