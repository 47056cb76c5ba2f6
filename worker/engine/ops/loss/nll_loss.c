/* Negative log-likelihood: -log_probs[i, target[i]], reduced. */
#include "worker/engine/ops/loss/loss.h"

RT_COMPOSITE(nll_loss, rt_nll_loss_args, RT_NLL_LOSS_FIELDS,
             "y[i] = -log_probs[i, target[i]] * weight[target[i]], reduced")
{
    rt_class_rows rows;
    rt_tensor *share;
    if (rt__class_rows(c, &rows) != RT_OK)
        return NULL;
    rt_tensor *losses = rt__class_losses(&rows, a->weight, a->ignore_index, &share);
    if (a->reduction == RT_NONE)
        return rt_reshape(losses, rows.shape);
    return rt__loss_reduced_by(losses, share, a->reduction);
}

rt_tensor *rt_nll_loss_(rt_nll_loss_args a)
{
    return rt__loss_apply(&rt__op_nll_loss, &a, a.reduction);
}
