/* Losses that are made of other operations. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

/* reduction: an rt_reduction. */
static rt_tensor *reduced(rt_tensor *x, int reduction)
{
    return reduction == RT_NONE ? x : reduction == RT_SUM ? rt_sum(x) : rt_mean(x);
}

/* A target that would have to be broadcast is nearly always a mistake. */
static rt_status check_same_shape(const rt_call *c)
{
    if (rt__dims_equal(c->in[0]->dims, c->in[1]->dims))
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: %s and target %s, expected one shape", c->op->name,
                   rt_describe(c->in[0]), rt_describe(c->in[1]));
}

/* ---- mse ---- */

/* A product and no square: its gradient is dy * d twice, where a square's forms 2 * d first, which overflows sooner. */
static void mse_loss_compose(rt_call *c)
{
    const rt_loss_args *a = c->args;
    if (check_same_shape(c) != RT_OK)
        return;
    rt_tensor *d = rt_sub(a->x, a->target);
    c->out[0] = reduced(rt_mul(d, d), a->reduction);
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

/* ---- l1 ---- */

static void l1_loss_compose(rt_call *c)
{
    const rt_loss_args *a = c->args;
    if (check_same_shape(c) == RT_OK)
        c->out[0] = reduced(rt_abs(rt_sub(a->x, a->target)), a->reduction);
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

/* ---- binary cross entropy ---- */

/* (1 - target) * x - log(sigmoid(x)), as PyTorch has it, infinities included; -log(sigmoid(x)) is softplus(-x), which
 * takes no exponential of a large number. */
static void bce_with_logits_loss_compose(rt_call *c)
{
    const rt_loss_args *a = c->args;
    if (check_same_shape(c) != RT_OK)
        return;
    rt_tensor *rest = rt_add_scalar(rt_neg(a->target), 1);
    rt_tensor *loss = rt_add(rt_mul(rest, a->x), rt_softplus(rt_neg(a->x)));
    c->out[0] = reduced(loss, a->reduction);
}

const rt_op rt__op_bce_with_logits_loss = {
    .name = "bce_with_logits_loss",
    .help = "y = -(t log s(x) + (1 - t) log(1 - s(x))), reduced; t the target, s the sigmoid",
    RT_ARGS(rt_loss_args, RT_LOSS_FIELDS),
    .compose = bce_with_logits_loss_compose,
};

rt_tensor *rt_bce_with_logits_loss_(rt_loss_args a)
{
    return rt_apply(&rt__op_bce_with_logits_loss, &a);
}

/* ---- negative log-likelihood ---- */

#define NLL_LOSS_FIELDS(F)                                                                         \
    F(INPUT, log_probs, RT_NEEDED, RT_FLOATS, "[n, classes]")                                      \
    F(INPUT, target, RT_NEEDED, RT_TYPE(I64), "[n]")                                               \
    F(CHOICE, reduction, RT_MEAN, "mean|sum|none", "what becomes of the losses of the rows")
typedef struct nll_loss_args {
    RT_STRUCT(NLL_LOSS_FIELDS)
} nll_loss_args;

static void nll_loss_compose(rt_call *c)
{
    const nll_loss_args *a = c->args;
    rt_tensor *x = a->log_probs, *target = a->target;
    if (x->dims.n != 2 || target->dims.n != 1 || target->dims.d[0] != x->dims.d[0]) {
        RT_FAIL(SHAPE, "nll_loss: %s and target %s, expected [n,classes] and [n]", rt_describe(x),
                rt_describe(target));
        return;
    }
    rt_tensor *picked = rt_squeeze(rt_gather(x, 1, rt_unsqueeze(target, 1)), 1);
    c->out[0] = reduced(rt_neg(picked), a->reduction);
}

const rt_op rt__op_nll_loss = {
    .name = "nll_loss",
    .help = "y[i] = -log_probs[i, target[i]], reduced",
    RT_ARGS(nll_loss_args, NLL_LOSS_FIELDS),
    .compose = nll_loss_compose,
};

rt_tensor *rt_nll_loss(rt_tensor *log_probs, rt_tensor *target, rt_reduction reduction)
{
    return rt_apply(&rt__op_nll_loss, &(nll_loss_args){log_probs, target, (int)reduction});
}
