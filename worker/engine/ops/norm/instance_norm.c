/* Normalisation of each channel of each sample by itself (Ulyanov et al. 2016): groups of one channel. */
#include "worker/engine/ops/norm/channels.h"

static void instance_norm_compose(rt_call *c)
{
    const rt_batch_norm_args *a = c->args;
    rt_tensor *moments[2] = {0};
    if (rt__channels_check(c) != RT_OK)
        return;
    rt_dims each = rt_shape(a->x->dims.d[0], a->x->dims.d[1]);
    c->out[0] = rt__groups_normalize(a->x, a->weight, a->bias, each.d[1] > 0 ? each.d[1] : 1,
                                     a->eps, moments);
    for (int i = 0; i < 2 && c->out[0]; i++)
        c->out[1 + i] = rt_to(rt_reshape(moments[i], each), a->x->dtype);
}

const rt_op rt__op_instance_norm = {
    .name = "instance_norm",
    .help =
        "y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and var of each channel of "
        "each sample",
    RT_ARGS(rt_batch_norm_args, RT_BATCH_NORM_FIELDS),
    .n_out = 3,
    .compose = instance_norm_compose,
    .derivatives = 2,
};

rt_instance_norm_results rt_instance_norm_(rt_batch_norm_args a)
{
    rt_tensor *out[3] = {0};
    rt_apply_all(&rt__op_instance_norm, &a, out, 3);
    return (rt_instance_norm_results){out[0], out[1], out[2]};
}
