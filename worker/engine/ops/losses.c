/* Losses that are made of other operations, and dropout. */
#include "common/error.h"
#include "worker/engine/base/thread.h"
#include "worker/engine/ops/ops.h"

static rt_tensor *reduced(rt_tensor *x, rt_reduction reduction)
{
    return reduction == RT_NONE ? x : reduction == RT_SUM ? rt_sum(x) : rt_mean(x);
}

/* True when both tensors are there and of one shape; a broadcast here is nearly always a mistake.
 */
static bool same_shape(const char *what, const rt_loss_args *a)
{
    if (!rt__takes(what, a->x) || !rt__object_is(a->target, &rt__tensor_type, what, 2))
        return false;
    if (rt__dims_equal(a->x->dims, a->target->dims))
        return true;
    return RT_FAIL(SHAPE, "%s: %s and target %s, expected one shape", what, rt_describe(a->x),
                   rt_describe(a->target)),
           false;
}

/* A product and no square: its gradient is dy * d twice, where a square's forms 2 * d first, which overflows sooner. */
rt_tensor *rt_mse_loss_(rt_loss_args a)
{
    if (!same_shape("mse_loss", &a))
        return NULL;
    rt_tensor *d = rt_sub(a.x, a.target);
    return reduced(rt_mul(d, d), a.reduction);
}

rt_tensor *rt_l1_loss_(rt_loss_args a)
{
    return same_shape("l1_loss", &a) ? reduced(rt_abs(rt_sub(a.x, a.target)), a.reduction) : NULL;
}

/* (1 - target) * x - log(sigmoid(x)), as PyTorch has it, infinities included; -log(sigmoid(x)) is softplus(-x), which
 * takes no exponential of a large number. */
rt_tensor *rt_bce_with_logits_loss_(rt_loss_args a)
{
    if (!same_shape("bce_with_logits_loss", &a))
        return NULL;
    rt_tensor *rest = rt_add_scalar(rt_neg(a.target), 1);
    return reduced(rt_add(rt_mul(rest, a.x), rt_softplus(rt_neg(a.x))), a.reduction);
}

rt_tensor *rt_nll_loss(rt_tensor *log_probs, rt_tensor *target, rt_reduction reduction)
{
    if (!rt__takes("nll_loss", log_probs) ||
        !rt__object_is(target, &rt__tensor_type, "nll_loss", 2))
        return NULL;
    if (log_probs->dims.n != 2 || target->dims.n != 1 || target->dims.d[0] != log_probs->dims.d[0])
        return RT_FAIL_NULL(SHAPE, "nll_loss: %s and target %s, expected [n,classes] and [n]",
                            rt_describe(log_probs), rt_describe(target));
    rt_tensor *picked = rt_squeeze(rt_gather(log_probs, 1, rt_unsqueeze(target, 1)), 1);
    return reduced(rt_neg(picked), reduction);
}

/* ---- dropout ---- */

typedef struct mask_args {
    rt_tensor *like;
    double p;
} mask_args;

static rt_tensor *mask_forward(rt_call *c)
{
    const mask_args *a = c->args;
    rt_tensor *y = rt_out(c, a->like->dims, RT_F32);
    rt_rng rng = rt__thread.rng;
    rt__thread.rng.stream++;
    if (y)
        rt_cpu()->dropout_mask[RT_F32](rng, y->numel, a->p, y->data);
    return y;
}

static const rt_op mask_op = {"dropout", 1, mask_forward, NULL, .dtypes = RT_FLOATS};

rt_tensor *rt_dropout(rt_tensor *x, double p)
{
    if (!rt__takes("dropout", x))
        return NULL;
    if (!(p >= 0 && p <= 1))
        return RT_FAIL_NULL(RANGE, "dropout: probability %g, expected 0 to 1", p);
    if (p == 1)
        return rt_mul_scalar(x, 0);
    return rt_mul(x, rt_apply(&mask_op, &(mask_args){x, p}, sizeof(mask_args)));
}
