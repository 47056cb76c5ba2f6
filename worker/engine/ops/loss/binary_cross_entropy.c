/* Binary cross-entropy of probabilities: -(t log x + (1 - t) log(1 - x)), reduced. */
#include "worker/engine/ops/loss/loss.h"

/* ---- the loss of each element ---- */

#define ELEMENTS_FIELDS(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "any shape")                                       \
    F(INPUT, target, RT_NEEDED, RT_SAME | RT_FLOATS, "the same")
typedef struct RT_DESIGNATED elements_args {
    RT_STRUCT(ELEMENTS_FIELDS)
} elements_args;

static rt_status elements_run(rt_call *c)
{
    rt_tensor *x = c->in[0], *t = c->in[1], *ones = rt_full(rt_shape(), 1, x->dtype);
    rt_tensor *log = rt_clamp(rt_log(x), .low = -100),
              *log_rest = rt_clamp(rt_log1p(rt_neg(x)), .low = -100);
    rt_tensor *rest = rt_mul(rt_sub(t, ones), log_rest);
    return rt__copy_into(c->out[0], rt_addcmul(rest, t, log, .value = -1));
}

/* As in PyTorch: dx = (x - t) / max(x (1 - x), 1e-12), which is finite at 0 and 1, where sigmoids end, and dt = log(1 - x) - log(x). */
static void elements_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_tensor *x = c->in[0], *t = c->in[1], *rest = rt_add_scalar(rt_neg(x), 1);
    if (rt_needs(c, 0))
        dx[0] = rt_mul(dy[0], rt_div(rt_sub(x, t), rt_clamp(rt_mul(x, rest), .low = 1e-12)));
    if (rt_needs(c, 1))
        dx[1] = rt_mul(dy[0], rt_sub(rt_log(rest), rt_log(x)));
}

static const rt_op elements_op = {
    .name = "binary_cross_entropy",
    RT_INTERNAL_ARGS(elements_args, ELEMENTS_FIELDS),
    .infer = rt__infer_like_first,
    .run = elements_run,
    .backward = elements_backward,
    .saves_in = 3,
};

/* ---- weighted and reduced ---- */

RT_COMPOSITE(binary_cross_entropy, rt_binary_cross_entropy_args, RT_BINARY_CROSS_ENTROPY_FIELDS,
             "y = -(t log x + (1 - t) log(1 - x)), reduced; t the target", .derivatives = 3)
{
    if (rt__loss_same_shape(c) != RT_OK)
        return NULL;
    rt_tensor *x = rt__loss_wide(a->x), *target = rt__loss_wide(a->target);
    rt_tensor *losses = rt_apply(&elements_op, &(elements_args){.x = x, .target = target});
    losses = rt__loss_weighted(c, losses, rt__loss_wide(a->weight));
    return rt_to(rt__loss_reduced(losses, a->reduction), a->x->dtype);
}

rt_tensor *rt_binary_cross_entropy_(rt_binary_cross_entropy_args a)
{
    return rt__loss_apply(&rt__op_binary_cross_entropy, &a, a.reduction);
}
