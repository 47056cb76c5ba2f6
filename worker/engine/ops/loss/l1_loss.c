/* Absolute errors: |x - target|, reduced. */
#include "worker/engine/ops/loss/loss.h"

static void l1_loss_compose(rt_call *c)
{
    const rt_loss_args *a = c->args;
    if (rt__loss_same_shape(c) == RT_OK)
        c->out[0] = rt__loss_reduced(rt_abs(rt_sub(a->x, a->target)), a->reduction);
}

const rt_op rt__op_l1_loss = {
    .name = "l1_loss",
    .help = "y = |x - target|, reduced",
    RT_ARGS(rt_loss_args, RT_LOSS_FIELDS),
    .compose = l1_loss_compose,
};

rt_tensor *rt_l1_loss_(rt_loss_args a)
{
    return rt_apply(&rt__op_l1_loss, &a);
}
