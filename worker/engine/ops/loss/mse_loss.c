/* Squared errors: (x - target)^2, reduced. */
#include "worker/engine/ops/loss/loss.h"

/* Uses a product instead of a square: the product's gradient adds dy * d twice, while the square's computes 2 * d
 * first, which overflows sooner. */
static void mse_loss_compose(rt_call *c)
{
    const rt_loss_args *a = c->args;
    if (rt__loss_same_shape(c) != RT_OK)
        return;
    rt_tensor *d = rt_sub(a->x, a->target);
    c->out[0] = rt__loss_reduced(rt_mul(d, d), a->reduction);
}

const rt_op rt__op_mse_loss = {
    .name = "mse_loss",
    .help = "y = (x - target)^2, reduced",
    RT_ARGS(rt_loss_args, RT_LOSS_FIELDS),
    .compose = mse_loss_compose,
};

rt_tensor *rt_mse_loss_(rt_loss_args a)
{
    return rt_apply(&rt__op_mse_loss, &a);
}
