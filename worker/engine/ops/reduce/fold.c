/* Folds over any set of axes. */
#include "worker/engine/ops/reduce/fold.h"

#include "common/base/error.h"

rt_dims rt__fold_dims(rt_dims x, uint32_t axes, bool keep_dim)
{
    rt_dims y = {0};
    for (int i = 0; i < x.n; i++)
        if (!(axes >> i & 1))
            y.d[y.n++] = x.d[i];
        else if (keep_dim)
            y.d[y.n++] = 1;
    return y;
}

rt_status rt__fold_axes(rt_call *c, rt_dims axes)
{
    rt_fold_plan *plan = c->plan;
    int n = c->in[0]->dims.n;
    if (axes.n == 0)
        plan->axes = (1u << n) - 1;
    for (int i = 0; i < axes.n; i++) {
        int axis = rt__axis_or_scalar(c->op->name, axes.d[i], n);
        if (axis < 0)
            return rt_error_code();
        if (plan->axes >> axis & 1)
            return RT_FAIL(ARG, "%s: axis %d is named twice", c->op->name, axis);
        plan->axes |= 1u << axis;
    }
    return RT_OK;
}

rt_fold rt__fold_of(rt_dims x, int64_t axis)
{
    rt_fold f = {1, 1, 1};
    int at = (int)(axis < 0 ? axis + x.n : axis);
    for (int i = 0; i < x.n; i++)
        *(i < at ? &f.outer : i == at ? &f.red : &f.inner) *= x.d[i];
    return f;
}

rt_status rt__fold_axis(rt_call *c, int64_t axis)
{
    return rt__fold_axes(c, axis == RT_NOT_GIVEN ? (rt_dims){0} : rt_shape(axis));
}

rt_status rt__fold_infer(rt_call *c, rt_dtype dtype)
{
    const rt_reduce_args *a = c->args;
    const rt_fold_plan *plan = c->plan;
    RT_TRY(rt__fold_axes(c, a->axes));
    return rt_result(c, 0, rt__fold_dims(c->in[0]->dims, plan->axes, a->keep_dim), dtype);
}

/* Merges neighbouring axes of the same kind. Returns the number of groups; kind[i] is 1 if group i is reduced. */
static int join_axes(rt_dims x, uint32_t axes, int64_t *size, int *kind)
{
    int n = 0;
    for (int i = 0; i < x.n; i++) {
        int k = axes >> i & 1;
        if (x.d[i] == 1)
            continue;
        if (n > 0 && kind[n - 1] == k) {
            size[n - 1] *= x.d[i];
        } else {
            size[n] = x.d[i];
            kind[n++] = k;
        }
    }
    return n;
}

/* Folds the last group of reduced axes, then the one before it, and so on: every pass after the first reads a small
 * intermediate result. */
rt_status rt__fold_into(const rt_call *c, const rt_tensor *x, rt_fold_fn *f, rt_tensor *y)
{
    const rt_fold_plan *plan = c->plan;
    /* infer has refused reductions that have no value for no elements */
    if (x->numel == 0)
        return rt__fill(y, plan->empty);
    int64_t size[RT_MAX_DIMS];
    int kind[RT_MAX_DIMS], n = join_axes(x->dims, plan->axes, size, kind), folds = 0;
    for (int i = 0; i < n; i++)
        folds += kind[i];
    if (folds == 0) /* only axes of size 1 are reduced: fold over one of them */
        f(rt_exec_of(c), (rt_fold){x->numel, 1, 1}, x->data, y->data);
    int64_t inner = 1;
    for (int i = n - 1; i >= 0 && folds > 0; i--) {
        int64_t outer = 1;
        for (int k = 0; k < i; k++)
            outer *= size[k];
        if (!kind[i]) {
            inner *= size[i];
            continue;
        }
        rt_tensor *to = --folds == 0 ? y : rt__tensor_new(rt_shape(outer, inner), x->dtype);
        if (!to)
            return rt_error_code();
        f(rt_exec_of(c), (rt_fold){outer, size[i], inner}, x->data, to->data);
        x = to;
    }
    return RT_OK;
}

rt_status rt__fold_run(rt_call *c, const rt_tensor *x, rt_fold_fn *f)
{
    return rt__fold_into(c, x, f, c->out[0]);
}

rt_dtype rt__fold_dtype(const rt_call *c, rt_dtype given)
{
    rt_dtype t = c->in[0]->dtype;
    return given != RT_NO_DTYPE ? given : rt__dtype_is_whole(t) ? RT_I64 : t;
}

rt_dtype rt__computed_in(rt_dtype t)
{
    return rt__dtype_is_whole(t) ? RT_I64 : rt__is_half(t) ? RT_F32 : t;
}

rt_status rt__fold_as(rt_call *c, rt_fold_fn *const *kernels)
{
    rt_tensor *y = c->out[0];
    rt_dtype t = rt__computed_in(y->dtype);
    const rt_tensor *x = rt_to(rt_to(c->in[0], y->dtype), t);
    rt_tensor *to = t == y->dtype ? y : rt__tensor_new(y->dims, t);
    if (!x || !to)
        return rt_error_code();
    RT_TRY(rt__fold_into(c, x, kernels[t], to));
    return to == y ? RT_OK : rt__convert_into(y, to);
}

int64_t rt__fold_count(const rt_call *c)
{
    const rt_fold_plan *plan = c->plan;
    const rt_tensor *x = c->in[0];
    int64_t n = 1;
    for (int i = 0; i < x->dims.n; i++)
        if (plan->axes >> i & 1 && __builtin_mul_overflow(n, x->dims.d[i], &n))
            n = INT64_MAX; /* x has no elements, so nothing is ever divided by this */
    return n;
}

rt_tensor *rt__fold_spread(const rt_call *c, rt_tensor *dy)
{
    const rt_fold_plan *plan = c->plan;
    rt_dims x = c->in[0]->dims;
    return rt_expand(rt_reshape(dy, rt__fold_dims(x, plan->axes, true)), x);
}
