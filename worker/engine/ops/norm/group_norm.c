/* Normalisation of groups of channels of each sample (Wu and He 2018). A sample's groups count as the channels of a batch with one sample. */
#include "common/base/error.h"
#include "worker/engine/ops/norm/channels.h"

/* Returns values of groups [n * groups] as those of channels [n * c]. */
static rt_tensor *to_channels(rt_tensor *v, int64_t n, int64_t groups, int64_t c)
{
    v = rt_expand(rt_reshape(v, rt_shape(n, groups, 1)), rt_shape(n, groups, c / groups));
    return rt_reshape(v, rt_shape(n * c));
}

/* Returns values of channels [c], or NULL, as those of all samples [n * c]. */
static rt_tensor *to_samples(rt_tensor *v, int64_t n)
{
    return v ? rt_reshape(rt_expand(v, rt_shape(n, v->dims.d[0])), rt_shape(n * v->dims.d[0])) : v;
}

rt_tensor *rt__groups_normalize(rt_tensor *x, rt_tensor *weight, rt_tensor *bias, int64_t groups,
                                double eps, rt_tensor *moments[2])
{
    rt_dims dims = x->dims;
    rt_dtype dtype = x->dtype;
    int64_t n = dims.d[0], c = dims.d[1], len = n * c > 0 ? x->numel / (n * c) : 0;
    x = rt__widened(x), weight = rt__widened(weight), bias = rt__widened(bias);
    rt_tensor *rows = rt_reshape(x, rt_shape(1, n * groups, c / groups * len));
    if (rt_failed() || rt__channel_moments(rows, moments) != RT_OK)
        return NULL;
    rt_tensor *scale = to_channels(rt_rsqrt(rt_add_scalar(moments[1], eps)), n, groups, c);
    if (weight)
        scale = rt_mul(scale, to_samples(weight, n));
    rt_tensor *y =
        rt__channel_affine(rt_reshape(x, rt_shape(1, n * c, len)),
                           to_channels(moments[0], n, groups, c), scale, to_samples(bias, n));
    return rt_to(rt_reshape(y, dims), dtype);
}

RT_COMPOSITE(group_norm, rt_group_norm_args, RT_GROUP_NORM_FIELDS,
             "y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and var of each group of "
             "channels of each sample",
             .derivatives = 2)
{
    rt_tensor *moments[2] = {0};
    if (rt__channels_check(c) != RT_OK)
        return NULL;
    if (a->x->dims.d[1] % a->groups != 0)
        return RT_FAIL_NULL(SHAPE, "group_norm: %lld groups do not divide the %lld channels of %s",
                            (long long)a->groups, (long long)a->x->dims.d[1], rt_describe(a->x));
    /* Any number divides no channels. */
    int64_t groups = a->x->dims.d[1] > 0 ? a->groups : 1;
    return rt__groups_normalize(a->x, a->weight, a->bias, groups, a->eps, moments);
}

rt_tensor *rt_group_norm_(rt_group_norm_args a)
{
    return rt_apply(&rt__op_group_norm, &a);
}
