/* Losses that are a parabola near 0 and straight lines beyond. */
#include "worker/engine/ops/loss/loss.h"

#define PARABOLA_FIELDS(F) F(INPUT, d, RT_NEEDED, RT_FLOATS, "any shape")
typedef struct RT_DESIGNATED parabola_args {
    RT_STRUCT(PARABOLA_FIELDS)
    double end;
} parabola_args;

/* With m = clamp(d, -end, end): m d - m^2 / 2, that is, d^2 / 2 where |d| <= end, otherwise end (|d| - end / 2). */
static rt_status parabola_run(rt_call *c)
{
    double end = ((const parabola_args *)c->args)->end;
    const rt_tensor *d = c->in[0], *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    rt_grid all = {1, {d->numel}, {{1}, {1}, {1}}};
    rt_tensor *m = rt__tensor_new(d->dims, d->dtype);
    if (!m)
        return rt_error_code();
    e->kernels->clamp.f[d->dtype](e, (rt_numbers){{-end, end}}, d->numel, d->data, m->data);
    e->kernels->mul.f[d->dtype](e, (rt_numbers){{0}}, &all, m->data, d->data, y->data);
    e->kernels->addcmul.f[d->dtype](e, (rt_numbers){{-0.5}}, &all, y->data, m->data, m->data,
                                    y->data);
    return RT_OK;
}

/* The slope is m. That of the formula, which is equal, would multiply 0 by infinity where d is infinite. */
static void parabola_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    double end = ((const parabola_args *)c->args)->end;
    dx[0] = rt_mul(dy[0], rt_clamp(c->in[0], .low = -end, .high = end));
}

static const rt_op parabola_op = {
    .name = "parabola",
    RT_INTERNAL_ARGS(parabola_args, PARABOLA_FIELDS),
    .infer = rt__infer_like_first,
    .run = parabola_run,
    .backward = parabola_backward,
    .saves_in = 1 << 0,
};

static rt_tensor *parabola(rt_tensor *x, rt_tensor *target, double end)
{
    return rt_apply(&parabola_op, &(parabola_args){.d = rt_sub(x, target), .end = end});
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
    return rt__loss_apply(&rt__op_huber_loss, &a, a.reduction);
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
    return rt__loss_apply(&rt__op_smooth_l1_loss, &a, a.reduction);
}
