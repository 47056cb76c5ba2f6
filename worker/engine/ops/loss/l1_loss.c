/* Absolute errors: |x - target|, reduced. */
#include "worker/engine/ops/loss/loss.h"

RT_COMPOSITE(l1_loss, rt_loss_args, RT_LOSS_FIELDS, "y = |x - target|, reduced")
{
    if (rt__loss_same_shape(c) != RT_OK)
        return NULL;
    return rt__loss_reduced(rt_abs(rt_sub(a->x, a->target)), a->reduction);
}

rt_tensor *rt_l1_loss_(rt_loss_args a)
{
    return rt__loss_apply(&rt__op_l1_loss, &a, a.reduction);
}
