/* Losses with a margin: what lies beyond it loses nothing. */
#include "common/base/error.h"
#include "worker/engine/ops/loss/loss.h"
#include <math.h>

RT_COMPOSITE(soft_margin_loss, rt_loss_args, RT_LOSS_FIELDS, "y = log(1 + exp(-target x)), reduced",
             .derivatives = 2)
{
    if (rt__loss_same_shape(c) != RT_OK)
        return NULL;
    return rt__loss_reduced(rt_softplus(rt_neg(rt_mul(a->target, a->x)), .threshold = INFINITY),
                            a->reduction);
}

rt_tensor *rt_soft_margin_loss_(rt_loss_args a)
{
    return rt__loss_apply(&rt__op_soft_margin_loss, &a, a.reduction);
}

static rt_tensor *number(double v, const rt_tensor *like)
{
    return rt_full(rt_shape(), v, like->dtype);
}

/* A target other than 1 and -1 gets both parts, as in PyTorch. */
RT_COMPOSITE(hinge_embedding_loss, rt_hinge_embedding_loss_args, RT_HINGE_EMBEDDING_LOSS_FIELDS,
             "y = x where target = 1, max(0, margin - x) where it is -1, reduced")
{
    rt_tensor *x = a->x, *t = a->target, *zero = number(0, x);
    rt_tensor *unlike = rt__loss_hinge(rt_add_scalar(rt_neg(x), a->margin));
    rt_tensor *losses = rt_add(rt_where(rt_eq(t, number(1, t)), zero, unlike),
                               rt_where(rt_eq(t, number(-1, t)), zero, x));
    return rt__loss_reduced(losses, a->reduction);
}

rt_tensor *rt_hinge_embedding_loss_(rt_hinge_embedding_loss_args a)
{
    return rt__loss_apply(&rt__op_hinge_embedding_loss, &a, a.reduction);
}

RT_COMPOSITE(margin_ranking_loss, rt_pair_loss_args, RT_PAIR_LOSS_FIELDS,
             "y = max(0, margin - target (a - b)), reduced")
{
    rt_tensor *d = rt_mul(rt_neg(a->target), rt_sub(a->a, a->b));
    if (d && !rt__dtype_is_float(d->dtype))
        d = rt_to(d, RT_F32); /* integers are subtracted as such; the margin is a float */
    return rt__loss_reduced(rt__loss_hinge(rt_add_scalar(d, a->margin)), a->reduction);
}

rt_tensor *rt_margin_ranking_loss_(rt_pair_loss_args a)
{
    return rt__loss_apply(&rt__op_margin_ranking_loss, &a, a.reduction);
}

/* cos = a.b / sqrt((a.a + e) (b.b + e)), with the e = 1e-12 of PyTorch. A target other than 1 and -1 gets neither part. */
RT_COMPOSITE(cosine_embedding_loss, rt_pair_loss_args, RT_PAIR_LOSS_FIELDS,
             "y = 1 - cos(a, b) where target = 1, max(0, cos - margin) where it is -1, reduced",
             .derivatives = 2)
{
    if (a->a->dims.n < 1 || a->a->dims.n > 2 || a->target->dims.n != a->a->dims.n - 1)
        return RT_FAIL_NULL(SHAPE,
                            "cosine_embedding_loss: %s and target %s, expected [n,d] and [n]",
                            rt_describe(a->a), rt_describe(a->target));
    rt_dims last = rt_shape(-1);
    rt_tensor *x = rt__loss_wide(a->a), *y = rt__loss_wide(a->b), *dot = rt_sum(rt_mul(x, y), last);
    rt_tensor *aa = rt_add_scalar(rt_sum(rt_square(x), last), 1e-12),
              *bb = rt_add_scalar(rt_sum(rt_square(y), last), 1e-12);
    rt_tensor *cosine = rt_div(dot, rt_sqrt(rt_mul(aa, bb)));
    rt_tensor *like = rt_add_scalar(rt_neg(cosine), 1),
              *unlike = rt__loss_hinge(rt_add_scalar(cosine, -a->margin));
    rt_tensor *t = a->target, *zero = number(0, t);
    rt_tensor *losses = rt_add(rt_where(rt_eq(t, number(1, t)), like, zero),
                               rt_where(rt_eq(t, number(-1, t)), unlike, zero));
    rt_tensor *loss = rt__loss_reduced(losses, a->reduction);
    return rt__is_half(a->a->dtype) ? rt_to(loss, a->a->dtype) : loss;
}

rt_tensor *rt_cosine_embedding_loss_(rt_pair_loss_args a)
{
    return rt__loss_apply(&rt__op_cosine_embedding_loss, &a, a.reduction);
}

/* ---- triplets ---- */

typedef rt_tensor *distance_fn(rt_tensor *a, rt_tensor *b, void *user);

static rt_tensor *triplet(rt_tensor *anchor, rt_tensor *positive, rt_tensor *negative,
                          distance_fn *distance, void *user, double margin, bool swap)
{
    rt_tensor *near = distance(anchor, positive, user), *far = distance(anchor, negative, user);
    if (swap)
        far = rt_minimum(far, distance(positive, negative, user));
    return rt__loss_hinge(rt_add_scalar(rt_sub(near, far), margin));
}

static rt_tensor *distance_of_order(rt_tensor *a, rt_tensor *b, void *user)
{
    const rt_triplet_margin_loss_args *t = user;
    return rt_pairwise_distance(a, b, .p = t->p, .eps = t->eps);
}

RT_COMPOSITE(triplet_margin_loss, rt_triplet_margin_loss_args, RT_TRIPLET_MARGIN_LOSS_FIELDS,
             "y = max(0, margin + |anchor - positive| - |anchor - negative|), reduced",
             .derivatives = 2)
{
    rt_triplet_margin_loss_args t = *a;
    return rt__loss_reduced(
        triplet(a->anchor, a->positive, a->negative, distance_of_order, &t, a->margin, a->swap),
        a->reduction);
}

rt_tensor *rt_triplet_margin_loss_(rt_triplet_margin_loss_args a)
{
    return rt__loss_apply(&rt__op_triplet_margin_loss, &a, a.reduction);
}

rt_tensor *rt_triplet_margin_with_distance_loss_(rt_triplet_margin_with_distance_loss_args a)
{
    const char *name = "triplet_margin_with_distance_loss";
    rt_tensor *const in[] = {a.anchor, a.positive, a.negative};
    for (int i = 0; i < 3; i++)
        if (rt_failed() || !rt__object_is(in[i], &rt__tensor_type, name, i + 1))
            return NULL;
    if (!a.distance)
        return RT_FAIL_NULL(ARG, "%s: .distance is missing (NULL)", name);
    if (rt__loss_takes(name, (int)a.reduction) != RT_OK)
        return NULL;
    rt_scope s = rt_scope_begin();
    rt_tensor *losses =
        triplet(a.anchor, a.positive, a.negative, a.distance, a.user, a.margin, a.swap);
    return rt_scope_return(s, rt__loss_reduced(losses, (int)a.reduction));
}

/* ---- classes ---- */

/* Terms are masked, not subtracted, in the column of the target, so that infinities there do no harm. */
RT_COMPOSITE(multi_margin_loss, rt_multi_margin_loss_args, RT_MULTI_MARGIN_LOSS_FIELDS,
             "y = the sum over j != t of max(0, margin - x[t] + x[j])^p * weight[t] / classes, "
             "reduced; t the target")
{
    /* one row may be a scalar, and its target may be [1] */
    bool row = a->x->dims.n < 2 && a->target->numel == 1;
    rt_tensor *in[] = {row ? rt_reshape(a->x, rt_shape(1, a->x->numel)) : a->x,
                       row ? rt_reshape(a->target, rt_shape(1)) : a->target, a->weight};
    rt_call as_rows = *c;
    as_rows.in = in;
    rt_class_rows rows;
    if (rt_failed() || rt__class_rows(&as_rows, &rows) != RT_OK)
        return NULL;
    rt_tensor *at = rt_unsqueeze(rows.target, 1);
    int64_t classes = rows.x->dims.d[1];
    rt_tensor *over = rt_relu(rt_add_scalar(rt_sub(rows.x, rt_gather(rows.x, 1, at)), a->margin));
    if (a->p == 2)
        over = rt_mul(over, over);
    if (a->weight)
        over = rt_mul(over, rt_unsqueeze(rt_gather(a->weight, 0, rows.target), 1));
    rt_tensor *others = rt_ne(rt_arange(0, (double)classes, 1, RT_I64), at);
    over = rt_where(others, over, number(0, rows.x));
    rt_tensor *losses = rt_mean(over, rt_shape(1));
    return rt__loss_reduced(rt_reshape(losses, a->target->dims), a->reduction);
}

rt_tensor *rt_multi_margin_loss_(rt_multi_margin_loss_args a)
{
    return rt__loss_apply(&rt__op_multi_margin_loss, &a, a.reduction);
}

/* Returns how many targets each row [n] has before the first that is negative. */
static rt_tensor *count_targets(rt_tensor *target)
{
    rt_tensor *ends = rt_lt(target, number(0, target));
    rt_tensor *none = rt_full(rt_shape(target->dims.d[0], 1), 1, RT_BOOL);
    return rt_argmax(rt_to(rt_cat((rt_tensor *[]){ends, none}, 2, 1), RT_I64), 1);
}

/* Losses [n] of rows. Only as many columns of targets as the row with the most of them has are looked at. */
static rt_tensor *multilabel_rows(rt_tensor *x, rt_tensor *target)
{
    if (!x || !target)
        return NULL;
    int64_t n = x->dims.d[0], classes = x->dims.d[1];
    rt_tensor *zero = number(0, target), *count = count_targets(target);
    int64_t most = n > 0 && classes > 0 ? rt__whole_item(rt_amax(count)) : 0;
    if (rt_failed())
        return NULL;
    rt_tensor *there =
        rt_lt(rt_arange(0, (double)most, 1, RT_I64), rt_unsqueeze(count, 1)); /* [n, most] */
    rt_tensor *at = rt_where(there, rt_narrow(target, 1, 0, most), zero);
    rt_tensor *is_target = rt__scatter_add(rt_to(there, RT_I64), 1, at, x->dims);
    rt_tensor *chosen = rt_unsqueeze(rt_gather(x, 1, at), 2); /* [n, most, 1] */
    rt_tensor *over = rt_relu(rt_add_scalar(rt_sub(rt_unsqueeze(x, 1), chosen), 1));
    rt_tensor *counts = rt_mul(rt_to(rt_unsqueeze(there, 2), x->dtype),
                               rt_to(rt_unsqueeze(rt_eq(is_target, zero), 1), x->dtype));
    rt_tensor *sums = rt_sum(rt_mul(over, counts), rt_shape(1, 2));
    return rt_mul_scalar(sums, 1 / (double)(classes > 0 ? classes : 1));
}

RT_COMPOSITE(multilabel_margin_loss, rt_multilabel_margin_loss_args,
             RT_MULTILABEL_MARGIN_LOSS_FIELDS,
             "y = the sum over targets t and other classes j of max(0, 1 - x[t] + x[j]) / classes, "
             "reduced")
{
    rt_dims dims = a->x->dims, outer = dims;
    if (rt__loss_same_shape(c) != RT_OK)
        return NULL;
    if (dims.n > 2)
        return RT_FAIL_NULL(SHAPE, "multilabel_margin_loss: %s, expected [n,classes] or [classes]",
                            rt_describe(a->x));
    rt_dims rows = rt_shape(dims.n == 2 ? dims.d[0] : 1, dims.n > 0 ? dims.d[dims.n - 1] : 1);
    outer.n = dims.n == 2 ? 1 : 0;
    rt_tensor *losses = multilabel_rows(rt_reshape(a->x, rows), rt_reshape(a->target, rows));
    return rt__loss_reduced(rt_reshape(losses, outer), a->reduction);
}

rt_tensor *rt_multilabel_margin_loss_(rt_multilabel_margin_loss_args a)
{
    return rt__loss_apply(&rt__op_multilabel_margin_loss, &a, a.reduction);
}
