/* Batch normalisation (Ioffe and Szegedy 2015) by a given mean and variance. */
#include "worker/engine/ops/norm/channels.h"

static void batch_norm_by_compose(rt_call *c)
{
    const rt_batch_norm_by_args *a = c->args;
    if (rt__channels_check(c) == RT_OK)
        c->out[0] = rt__channels_normalize(a->x, a->mean, a->var, a->weight, a->bias, a->eps);
}

const rt_op rt__op_batch_norm_by = {
    .name = "batch_norm_by",
    .help = "y = (x - mean) / sqrt(var + eps) * weight + bias, with a mean and var that are given",
    RT_ARGS(rt_batch_norm_by_args, RT_BATCH_NORM_BY_FIELDS),
    .compose = batch_norm_by_compose,
    .derivatives = 2,
};

rt_tensor *rt_batch_norm_by_(rt_batch_norm_by_args a)
{
    return rt_apply(&rt__op_batch_norm_by, &a);
}
