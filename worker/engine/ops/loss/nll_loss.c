/* Negative log-likelihood: -log_probs[i, target[i]], reduced. */
#include "common/base/error.h"
#include "worker/engine/ops/loss/loss.h"

#define NLL_LOSS_FIELDS(F)                                                                         \
    F(INPUT, log_probs, RT_NEEDED, RT_FLOATS, "[n, classes]")                                      \
    F(INPUT, target, RT_NEEDED, RT_TYPE(I64), "[n]")                                               \
    F(CHOICE, reduction, RT_MEAN, "mean|sum|none", "what becomes of the losses of the rows")
typedef struct RT_DESIGNATED nll_loss_args {
    RT_STRUCT(NLL_LOSS_FIELDS)
} nll_loss_args;

RT_COMPOSITE(nll_loss, nll_loss_args, NLL_LOSS_FIELDS, "y[i] = -log_probs[i, target[i]], reduced")
{
    rt_tensor *x = a->log_probs, *target = a->target;
    if (x->dims.n != 2 || target->dims.n != 1 || target->dims.d[0] != x->dims.d[0])
        return RT_FAIL_NULL(SHAPE, "nll_loss: %s and target %s, expected [n,classes] and [n]",
                            rt_describe(x), rt_describe(target));
    rt_tensor *picked = rt_squeeze(rt_gather(x, 1, rt_unsqueeze(target, 1)), 1);
    return rt__loss_reduced(rt_neg(picked), a->reduction);
}

rt_tensor *rt_nll_loss(rt_tensor *log_probs, rt_tensor *target, rt_reduction reduction)
{
    return rt_apply(
        &rt__op_nll_loss,
        &(nll_loss_args){.log_probs = log_probs, .target = target, .reduction = (int)reduction});
}
