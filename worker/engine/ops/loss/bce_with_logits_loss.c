/* Binary cross-entropy of logits: -(t log s(x) + (1 - t) log(1 - s(x))), s the sigmoid, reduced. */
#include "worker/engine/ops/loss/loss.h"
#include <math.h>

/* (1 - target) * x - log(sigmoid(x)), as in PyTorch, including for infinities. -log(sigmoid(x)) is computed as
 * softplus(-x), which never takes the exponential of a large number. */
RT_COMPOSITE(bce_with_logits_loss, rt_loss_args, RT_LOSS_FIELDS,
             "y = -(t log s(x) + (1 - t) log(1 - s(x))), reduced; t the target, s the sigmoid",
             .derivatives = 2)
{
    if (rt__loss_same_shape(c) != RT_OK)
        return NULL;
    rt_tensor *rest = rt_add_scalar(rt_neg(a->target), 1);
    rt_tensor *loss = rt_add(rt_mul(rest, a->x), rt_softplus(rt_neg(a->x), .threshold = INFINITY));
    return rt__loss_reduced(loss, a->reduction);
}

rt_tensor *rt_bce_with_logits_loss_(rt_loss_args a)
{
    return rt_apply(&rt__op_bce_with_logits_loss, &a);
}
