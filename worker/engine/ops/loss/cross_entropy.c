/* Cross-entropy of logits and class numbers or probabilities. For class numbers, label smoothing e (Szegedy et al. 2016):
 *     loss_i = lse_i - (1-e) * x[i,target] - e * mean_j x[i,j],   lse_i = log sum_j exp x[i,j]
 *     d x[i,j] = d loss_i * (p[i,j] - t[i,j]),   p = softmax(x),   t = (1-e) * [j == target] + e / classes */
#include "common/base/error.h"
#include "worker/engine/ops/loss/loss.h"

static rt_rows rows_of(const rt_tensor *x)
{
    return (rt_rows){x->dims.d[0], x->dims.d[1]};
}

/* ---- dx = dloss * (p - t) ---- */

#define GRAD_FIELDS(F)                                                                             \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, classes]")                                    \
    F(INPUT, dloss, RT_NEEDED, RT_SAME | RT_FLOATS, "[n]")                                         \
    F(INPUT, target, RT_NEEDED, RT_TYPE(I64), "[n]; the kernel checks them")
typedef struct RT_DESIGNATED grad_args {
    RT_STRUCT(GRAD_FIELDS)
    rt_cross_entropy_shape s;
} grad_args;

static rt_tensor *entropy_grad(rt_tensor *x, rt_tensor *dloss, rt_tensor *target,
                               const rt_cross_entropy_shape *s);

static rt_status grad_run(rt_call *c)
{
    const grad_args *a = c->args;
    const rt_tensor *x = c->in[0], *dloss = c->in[1], *target = c->in[2];
    rt_exec *e = rt_exec_of(c);
    e->kernels->cross_entropy_dx[x->dtype](e, rows_of(x), a->s, x->data, target->data, dloss->data,
                                           c->out[0]->data);
    return RT_OK;
}

static void grad_backward(rt_call *c, rt_tensor *const *gs, rt_tensor **dx)
{
    const grad_args *a = c->args;
    rt_tensor *x = c->in[0], *dloss = c->in[1], *target = c->in[2], *g = gs[0];
    if (rt_needs(c, 0)) { /* the softmax's derivative, except in ignored rows */
        rt_tensor *ignored = rt_full(rt_shape(), (double)a->s.ignore_index, RT_I64);
        rt_tensor *weight = rt_mul(dloss, rt_to(rt_ne(target, ignored), dloss->dtype));
        dx[0] = rt_mul(rt_unsqueeze(weight, 1), rt__softmax_grad(rt_softmax(x, 1), g));
    }
    if (rt_needs(c, 1))
        dx[1] = rt_sum(rt_mul(g, entropy_grad(x, rt_ones_like(dloss), target, &a->s)), rt_shape(1));
}

static const rt_op grad_op = {
    .name = "cross_entropy_grad",
    RT_INTERNAL_ARGS(grad_args, GRAD_FIELDS),
    .infer = rt__infer_like_first,
    .run = grad_run,
    .backward = grad_backward,
    .saves_in = 1 << 0 | 1 << 2,
    .saves_in_for = (const uint32_t[]){1 << 1, 0, 0},
};

static rt_tensor *entropy_grad(rt_tensor *x, rt_tensor *dloss, rt_tensor *target,
                               const rt_cross_entropy_shape *s)
{
    return rt_apply(&grad_op, &(grad_args){.x = x, .dloss = dloss, .target = target, .s = *s});
}

/* ---- the loss of each row ---- */

#define ROWS_FIELDS(F)                                                                             \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "[n, classes]")                                              \
    F(INPUT, target, RT_NEEDED, RT_TYPE(I64), "[n]; the kernel checks them")
typedef struct RT_DESIGNATED rows_args {
    RT_STRUCT(ROWS_FIELDS)
    rt_cross_entropy_shape s;
} rows_args;

static rt_status rows_infer(rt_call *c)
{
    return rt_result(c, 0, rt_shape(c->in[0]->dims.d[0]), c->in[0]->dtype);
}

static rt_status rows_run(rt_call *c)
{
    const rows_args *a = c->args;
    const rt_tensor *x = c->in[0], *target = c->in[1];
    rt_exec *e = rt_exec_of(c);
    e->kernels->cross_entropy[x->dtype](e, rows_of(x), a->s, x->data, target->data,
                                        c->out[0]->data);
    return RT_OK;
}

static void rows_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const rows_args *a = c->args;
    dx[0] = entropy_grad(c->in[0], dy[0], c->in[1], &a->s);
}

static const rt_op rows_op = {
    .name = "cross_entropy",
    RT_INTERNAL_ARGS(rows_args, ROWS_FIELDS),
    .infer = rows_infer,
    .run = rows_run,
    .backward = rows_backward,
    .saves_in = 3,
};

/* ---- the mean over the targets that are not ignored, from the sum: linear, so it is its own gradient ---- */

#define MEAN_FIELDS(F)                                                                             \
    F(INPUT, sum, RT_NEEDED, RT_FLOATS, "[]")                                                      \
    F(INPUT, target, RT_NEEDED, RT_TYPE(I64), "[n]")
typedef struct RT_DESIGNATED mean_args {
    RT_STRUCT(MEAN_FIELDS)
    int64_t ignore_index;
} mean_args;

static rt_status mean_run(rt_call *c)
{
    const mean_args *a = c->args;
    const rt_tensor *sum = c->in[0], *target = c->in[1], *y = c->out[0];
    const rt_tensor *share = rt__tensor_new(rt_shape(), y->dtype);
    if (!share)
        return rt_error_code();
    rt_exec *e = rt_exec_of(c);
    e->kernels->label_share[y->dtype](e, target->numel, target->data, a->ignore_index, share->data);
    rt_grid one;
    rt_grid_row(&one, 1, 0, 0);
    e->kernels->mul.f[y->dtype](e, (rt_numbers){{0}}, &one, sum->data, share->data, y->data);
    return RT_OK;
}

static void mean_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx);

static const rt_op mean_op = {
    .name = "cross_entropy_mean",
    RT_INTERNAL_ARGS(mean_args, MEAN_FIELDS),
    .infer = rt__infer_like_first,
    .run = mean_run,
    .backward = mean_backward,
    .saves_in = 1 << 1,
};

static void mean_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const mean_args *a = c->args;
    dx[0] = rt_apply(
        &mean_op, &(mean_args){.sum = dy[0], .target = c->in[1], .ignore_index = a->ignore_index});
}

/* ---- classes without weights: the kernels ---- */

static rt_tensor *plain(const rt_cross_entropy_args *a, const rt_class_rows *r)
{
    rows_args rows = {.x = r->x, .target = r->target, .s = {a->label_smoothing, a->ignore_index}};
    rt_tensor *loss = rt_apply(&rows_op, &rows);
    if (a->reduction == RT_NONE)
        return r->shape.n == 1 ? loss : rt_reshape(loss, r->shape);
    loss = rt_sum(loss);
    if (a->reduction != RT_MEAN)
        return loss;
    if (a->ignore_index == RT_NOT_GIVEN)
        return rt_mul_scalar(loss, 1.0 / (double)r->target->numel);
    return rt_apply(
        &mean_op, &(mean_args){.sum = loss, .target = r->target, .ignore_index = a->ignore_index});
}

/* ---- classes with weights w ----
 * loss_i = (1-e) * w[target] * -log p[i,target] + e / classes * sum_j w[j] * -log p[i,j]; the mean divides by the sum of w[target]. */

static rt_tensor *weighted(const rt_cross_entropy_args *a, rt_class_rows *r)
{
    double e = a->label_smoothing;
    rt_tensor *share;
    r->x = rt_log_softmax(r->x, 1);
    rt_tensor *loss = rt__class_losses(r, a->weight, a->ignore_index, &share);
    if (e > 0 && loss) {
        rt_tensor *all = rt_sum(rt_mul(r->x, a->weight), rt_shape(1));
        all = rt_mul_scalar(all, -e / (double)r->x->dims.d[1]);
        loss = rt_add(rt_mul_scalar(loss, 1 - e), rt__class_ignored(r, all, a->ignore_index));
    }
    if (a->reduction == RT_NONE)
        return rt_reshape(loss, r->shape);
    return rt__loss_reduced_by(loss, share, a->reduction);
}

/* ---- probabilities t, and weights w of the classes, or 1 ----
 * loss_i = sum_j ((1-e) * t[i,j] + e / classes) * w[j] * -log p[i,j]; the mean divides by the number of rows. */

static rt_tensor *soft(const rt_call *c, const rt_cross_entropy_args *a)
{
    rt_dims d = a->logits->dims, along = {.n = d.n};
    int axis = d.n > 1;
    if (d.n == 0 || !rt__dims_equal(d, a->target->dims))
        return RT_FAIL_NULL(SHAPE,
                            "%s: logits %s and target %s, expected probabilities of one shape, or "
                            "classes of type int64",
                            c->op->name, rt_dims_text(d), rt_describe(a->target));
    for (int i = 0; i < d.n; i++)
        along.d[i] = i == axis ? d.d[i] : 1;
    if (a->weight && !(a->weight->dims.n == 1 && a->weight->dims.d[0] == d.d[axis]))
        return RT_FAIL_NULL(SHAPE, "%s: weight %s, expected [%lld], a factor for each class",
                            c->op->name, rt_dims_text(a->weight->dims), (long long)d.d[axis]);
    rt_tensor *t = a->target, *log = rt_log_softmax(a->logits, axis);
    double e = a->label_smoothing;
    if (e > 0)
        t = rt_add_scalar(rt_mul_scalar(t, 1 - e), e / (double)d.d[axis]);
    if (a->weight)
        t = rt_mul(t, rt_reshape(a->weight, along));
    rt_tensor *loss = rt_neg(rt_sum(rt_mul(log, t), rt_shape(axis)));
    return rt__loss_reduced(loss, a->reduction);
}

RT_COMPOSITE(cross_entropy, rt_cross_entropy_args, RT_CROSS_ENTROPY_FIELDS,
             "y = -log softmax(logits)[target], reduced", .derivatives = 4)
{
    if (a->target->dtype != RT_I64)
        return soft(c, a);
    rt_class_rows rows;
    if (rt__class_rows(c, &rows) != RT_OK)
        return NULL;
    return a->weight ? weighted(a, &rows) : plain(a, &rows);
}

rt_tensor *rt_cross_entropy_(rt_cross_entropy_args a)
{
    return rt__loss_apply(&rt__op_cross_entropy, &a, a.reduction);
}
