/* Lengths, distances and angles of vectors along an axis. */
#include "worker/engine/ops/norm/rows.h"

/* Returns the norm of order p along an axis, which stays with size 1. */
static rt_tensor *length(rt_tensor *x, double p, int64_t axis)
{
    return rt_norm(x, .p = p, .axes = rt_shape(axis), .keep_dim = true);
}

RT_COMPOSITE(normalize, rt_normalize_args, RT_NORMALIZE_FIELDS,
             "y = x / max(|x|, eps), |x| the norm of order p along the axis", .derivatives = 2)
{
    int axis = rt__axis_or_scalar("normalize", a->axis, a->x->dims.n);
    if (axis < 0)
        return NULL;
    if (a->x->dims.n == 0)
        return rt_squeeze(rt_normalize(rt_unsqueeze(a->x, 0), a->p, 0, a->eps), 0);
    rt_tensor *x = rt__widened(a->x);
    return rt_to(rt_div(x, rt_clamp(length(x, a->p, axis), .low = a->eps)), a->x->dtype);
}

rt_tensor *rt_normalize_(rt_normalize_args a)
{
    return rt_apply(&rt__op_normalize, &a);
}

RT_COMPOSITE(cosine_similarity, rt_cosine_similarity_args, RT_COSINE_SIMILARITY_FIELDS,
             "y = sum of a b / (|a| |b|) along the axis", .derivatives = 2)
{
    rt_dims dims;
    if (rt__broadcast("cosine_similarity", a->a->dims, a->b->dims, &dims) != RT_OK)
        return NULL;
    int axis = rt__axis_or_scalar("cosine_similarity", a->axis, dims.n);
    if (axis < 0)
        return NULL;
    rt_tensor *x[] = {rt_expand(rt__widened(a->a), dims), rt_expand(rt__widened(a->b), dims)};
    for (int i = 0; i < 2; i++) {
        x[i] = dims.n > 0 ? x[i] : rt_unsqueeze(x[i], 0);
        x[i] = rt_div(x[i], rt__at_least(length(x[i], 2, axis), a->eps));
    }
    return rt_to(rt_sum(rt_mul(x[0], x[1]), rt_shape(axis)), a->a->dtype);
}

rt_tensor *rt_cosine_similarity_(rt_cosine_similarity_args a)
{
    return rt_apply(&rt__op_cosine_similarity, &a);
}

RT_COMPOSITE(pairwise_distance, rt_pairwise_distance_args, RT_PAIRWISE_DISTANCE_FIELDS,
             "y = |a - b + eps|, the norm of order p along the last axis", .derivatives = 2)
{
    rt_tensor *d = rt_sub(a->a, a->b);
    if (d && rt__dtype_is_whole(d->dtype))
        d = rt_to(d, RT_F32); /* integers are subtracted as such; eps is a float */
    d = rt_add_scalar(d, a->eps);
    if (d && d->dims.n == 0)
        d = rt_unsqueeze(d, 0);
    return rt_norm(d, .p = a->p, .axes = rt_shape(-1), .keep_dim = a->keep_dim);
}

rt_tensor *rt_pairwise_distance_(rt_pairwise_distance_args a)
{
    return rt_apply(&rt__op_pairwise_distance, &a);
}
