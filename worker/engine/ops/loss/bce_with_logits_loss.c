/* Binary cross-entropy of logits: -(t log s(x) + (1 - t) log(1 - s(x))), s the sigmoid, reduced. */
#include "worker/engine/ops/loss/loss.h"
#include <math.h>

/* (1 - target) * x - log(sigmoid(x)) * (1 + (pos_weight - 1) * target), as in PyTorch, including for infinities. -log(sigmoid(x)) is
 * computed as softplus(-x), which never takes the exponential of a large number. */
static rt_tensor *losses_of(const rt_call *c, rt_tensor *x, rt_tensor *target,
                            rt_tensor *pos_weight)
{
    rt_tensor *rest = rt_mul(rt_add_scalar(rt_neg(target), 1), x),
              *log = rt_softplus(rt_neg(x), .threshold = INFINITY);
    if (!pos_weight)
        return rt_add(rest, log);
    rt_tensor *more = rt__loss_weighted(c, target, rt_add_scalar(pos_weight, -1));
    return rt_addcmul(rest, rt_add_scalar(more, 1), log);
}

RT_COMPOSITE(bce_with_logits_loss, rt_bce_with_logits_loss_args, RT_BCE_WITH_LOGITS_LOSS_FIELDS,
             "y = -(t log s(x) + (1 - t) log(1 - s(x))), reduced; t the target, s the sigmoid",
             .derivatives = 2)
{
    if (rt__loss_same_shape(c) != RT_OK)
        return NULL;
    rt_tensor *losses =
        losses_of(c, rt__widened(a->x), rt__widened(a->target), rt__widened(a->pos_weight));
    losses = rt__loss_weighted(c, losses, rt__widened(a->weight));
    return rt_to(rt__loss_reduced(losses, a->reduction), a->x->dtype);
}

rt_tensor *rt_bce_with_logits_loss_(rt_bce_with_logits_loss_args a)
{
    return rt__loss_apply(&rt__op_bce_with_logits_loss, &a, a.reduction);
}

RT_COMPOSITE(multilabel_soft_margin_loss, rt_binary_cross_entropy_args,
             RT_BINARY_CROSS_ENTROPY_FIELDS,
             "y = the mean of bce_with_logits_loss over the last axis, reduced", .derivatives = 2)
{
    if (rt__loss_same_shape(c) != RT_OK)
        return NULL;
    rt_tensor *losses = losses_of(c, rt__widened(a->x), rt__widened(a->target), NULL);
    losses = rt__loss_weighted(c, losses, rt__widened(a->weight));
    if (a->x->dims.n > 0)
        losses = rt_mean(losses, rt_shape(-1));
    return rt_to(rt__loss_reduced(losses, a->reduction), a->x->dtype);
}

rt_tensor *rt_multilabel_soft_margin_loss_(rt_binary_cross_entropy_args a)
{
    return rt__loss_apply(&rt__op_multilabel_soft_margin_loss, &a, a.reduction);
}
