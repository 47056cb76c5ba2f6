/* Squared errors: (x - target)^2, reduced. */
#include "worker/engine/ops/loss/loss.h"

/* Uses a product instead of a square: the product's gradient adds dy * d twice, while the square's computes 2 * d
 * first, which overflows sooner. */
RT_COMPOSITE(mse_loss, rt_loss_args, RT_LOSS_FIELDS, "y = (x - target)^2, reduced")
{
    if (rt__loss_same_shape(c) != RT_OK)
        return NULL;
    rt_tensor *d = rt_sub(a->x, a->target);
    return rt__loss_reduced(rt_mul(d, d), a->reduction);
}

rt_tensor *rt_mse_loss_(rt_loss_args a)
{
    return rt__loss_apply(&rt__op_mse_loss, &a, a.reduction);
}
