/* Losses that are a parabola near 0 and straight lines beyond. */
#include "worker/engine/ops/loss/loss.h"

/* With d = |x - target| and m = min(d, end): m^2 / 2 + end * (d - m), that is, d^2 / 2 where d <= end, otherwise end * (d - end / 2). Neither
 * term has a product of 0 and infinity in its gradient if d is infinite. */
static rt_tensor *parabola(rt_tensor *x, rt_tensor *target, double end)
{
    rt_tensor *d = rt_abs(rt_sub(x, target)), *m = rt_clamp(d, .high = end);
    return rt_addcmul(rt_mul_scalar(rt_sub(d, m), end), m, m, .value = 0.5);
}

RT_COMPOSITE(huber_loss, rt_huber_loss_args, RT_HUBER_LOSS_FIELDS,
             "y = d^2 / 2 where d = |x - target| <= delta, else delta (d - delta / 2), reduced")
{
    if (rt__loss_same_shape(c) != RT_OK)
        return NULL;
    return rt__loss_reduced(parabola(a->x, a->target, a->delta), a->reduction);
}

rt_tensor *rt_huber_loss_(rt_huber_loss_args a)
{
    return rt_apply(&rt__op_huber_loss, &a);
}

RT_COMPOSITE(smooth_l1_loss, rt_smooth_l1_loss_args, RT_SMOOTH_L1_LOSS_FIELDS,
             "y = d^2 / (2 beta) where d = |x - target| <= beta, else d - beta / 2, reduced")
{
    if (rt__loss_same_shape(c) != RT_OK)
        return NULL;
    rt_tensor *losses =
        a->beta == 0 ? rt_abs(rt_sub(a->x, a->target)) : parabola(a->x, a->target, a->beta);
    if (a->beta != 0 && a->beta != 1)
        losses = rt_mul_scalar(losses, 1 / a->beta);
    return rt__loss_reduced(losses, a->reduction);
}

rt_tensor *rt_smooth_l1_loss_(rt_smooth_l1_loss_args a)
{
    return rt_apply(&rt__op_smooth_l1_loss, &a);
}
