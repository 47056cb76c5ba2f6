/* Batch normalisation (Ioffe and Szegedy 2015) by the mean and variance of the batch. */
#include "worker/engine/ops/norm/channels.h"

static void batch_norm_compose(rt_call *c)
{
    const rt_batch_norm_args *a = c->args;
    rt_tensor *m[2] = {0};
    if (rt__channels_check(c) != RT_OK || rt__channel_moments(a->x, m) != RT_OK)
        return;
    c->out[0] = rt__channels_normalize(a->x, m[0], m[1], a->weight, a->bias, a->eps);
    c->out[1] = m[0];
    c->out[2] = m[1];
}

const rt_op rt__op_batch_norm = {
    .name = "batch_norm",
    .help = "y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and var of each channel",
    RT_ARGS(rt_batch_norm_args, RT_BATCH_NORM_FIELDS),
    .n_out = 3,
    .compose = batch_norm_compose,
    .derivatives = 2,
};

rt_batch_norm_results rt_batch_norm_(rt_batch_norm_args a)
{
    rt_tensor *out[3] = {0};
    rt_apply_all(&rt__op_batch_norm, &a, out, 3);
    return (rt_batch_norm_results){out[0], out[1], out[2]};
}
