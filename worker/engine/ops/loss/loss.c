/* Checks, rows of classes and reductions that losses share. */
#include "worker/engine/ops/loss/loss.h"

#include "common/base/error.h"

rt_status rt__loss_takes(const char *name, int reduction)
{
    const char *expected = "expected one of mean|sum|none";
    if (reduction == RT_BATCH_MEAN)
        return RT_FAIL(RANGE, "%s: reduction is RT_BATCH_MEAN, %s", name, expected);
    if (reduction != RT_MEAN && reduction != RT_SUM && reduction != RT_NONE)
        return RT_FAIL(RANGE, "%s: reduction is %d, %s", name, reduction, expected);
    return RT_OK;
}

rt_tensor *rt__loss_apply(const rt_op *op, const void *args, int reduction)
{
    return rt__loss_takes(op->name, reduction) == RT_OK ? rt_apply(op, args) : NULL;
}

rt_status rt__loss_same_shape(const rt_call *c)
{
    if (rt__dims_equal(c->in[0]->dims, c->in[1]->dims))
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: %s and target %s, expected one shape", c->op->name,
                   rt_describe(c->in[0]), rt_describe(c->in[1]));
}

rt_tensor *rt__loss_reduced(rt_tensor *losses, int reduction)
{
    return reduction == RT_NONE ? losses : reduction == RT_SUM ? rt_sum(losses) : rt_mean(losses);
}

rt_tensor *rt__loss_reduced_by(rt_tensor *losses, rt_tensor *weights, int reduction)
{
    if (!weights || reduction != RT_MEAN)
        return rt__loss_reduced(losses, reduction);
    return rt_div(rt_sum(losses), rt_sum(weights));
}

rt_tensor *rt__loss_wide(rt_tensor *x)
{
    return x && rt__is_half(x->dtype) ? rt_to(x, RT_F32) : x;
}

rt_tensor *rt__loss_weighted(const rt_call *c, rt_tensor *losses, rt_tensor *weight)
{
    if (!weight || !losses)
        return losses;
    rt_dims both;
    if (rt__broadcast(c->op->name, losses->dims, weight->dims, &both) == RT_OK &&
        !rt__dims_equal(both, losses->dims))
        return RT_FAIL_NULL(SHAPE, "%s: weight %s does not broadcast to %s", c->op->name,
                            rt_dims_text(weight->dims), rt_dims_text(losses->dims));
    return rt_mul(losses, weight);
}

rt_tensor *rt__loss_hinge(rt_tensor *x)
{
    return rt_clamp(x, .low = 0);
}

/* ---- classes ---- */

/* Returns the shape of the targets of x: without its classes, which are axis 1, or the only one. */
static rt_dims without_classes(rt_dims x)
{
    rt_dims d = {0};
    for (int i = 0; i < x.n; i++)
        if (i != 1 && x.n > 1)
            d.d[d.n++] = x.d[i];
    return d;
}

static rt_status check_classes(const rt_call *c)
{
    const rt_tensor *x = c->in[0], *target = c->in[1], *weight = c->in[2];
    const rt_field *rows = c->op->fields;
    if (x->dims.n == 0 || !rt__dims_equal(target->dims, without_classes(x->dims)))
        return RT_FAIL(SHAPE, "%s: %s %s and target %s, expected [n,classes] and [n]", c->op->name,
                       rows[0].name, rt_dims_text(x->dims), rt_dims_text(target->dims));
    int64_t classes = x->dims.d[x->dims.n > 1];
    if (weight && !(weight->dims.n == 1 && weight->dims.d[0] == classes))
        return RT_FAIL(SHAPE, "%s: weight %s, expected [%lld], a factor for each class of %s",
                       c->op->name, rt_dims_text(weight->dims), (long long)classes, rows[0].name);
    return RT_OK;
}

rt_status rt__class_rows(const rt_call *c, rt_class_rows *rows)
{
    RT_TRY(check_classes(c));
    rt_tensor *x = c->in[0];
    rows->shape = c->in[1]->dims;
    rows->target = rt__tensor_contiguous(c->in[1]);
    if (x->dims.n == 2) {
        rows->x = x;
        return rt_error_code();
    }
    if (x->dims.n == 1) {
        rows->x = rt_unsqueeze(x, 0);
    } else {
        rt_dims last = {.n = x->dims.n}; /* the classes become the last axis */
        for (int i = 1; i < last.n; i++)
            last.d[i] = i + 1 < last.n ? i + 1 : 1;
        rows->x = rt_reshape(rt_permute(x, last), rt_shape(c->in[1]->numel, x->dims.d[1]));
    }
    rows->target = rt_reshape(rows->target, rt_shape(c->in[1]->numel));
    return rt_error_code();
}

static rt_tensor *is_ignored(const rt_class_rows *rows, int64_t ignore_index)
{
    return rt_eq(rows->target, rt_full(rt_shape(), (double)ignore_index, RT_I64));
}

rt_tensor *rt__class_ignored(const rt_class_rows *rows, rt_tensor *x, int64_t ignore_index)
{
    if (ignore_index == RT_NOT_GIVEN || !x)
        return x;
    return rt_where(is_ignored(rows, ignore_index), rt_full(rt_shape(), 0, x->dtype), x);
}

rt_tensor *rt__class_losses(const rt_class_rows *rows, rt_tensor *weight, int64_t ignore_index,
                            rt_tensor **share)
{
    rt_tensor *at =
        rt__class_ignored(rows, rows->target, ignore_index); /* any class, where ignored */
    rt_tensor *loss = rt_neg(rt_squeeze(rt_gather(rows->x, 1, rt_unsqueeze(at, 1)), 1));
    *share = weight                                 ? rt_gather(weight, 0, at)
             : ignore_index != RT_NOT_GIVEN && loss ? rt_ones(loss->dims, loss->dtype)
                                                    : NULL;
    if (weight)
        loss = rt_mul(loss, *share);
    *share = rt__class_ignored(rows, *share, ignore_index);
    return rt__class_ignored(rows, loss, ignore_index);
}
