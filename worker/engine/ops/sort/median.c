/* Elements found by their order: k-th values, medians, modes and quantiles. All are picked from x by an index, to which the gradient
 * goes. */
#include "common/base/error.h"
#include "worker/engine/ops/sort/rows.h"
#include <math.h>

/* Sets values and index, dropping the axis of the index unless it is kept. */
static void pick(rt_call *c, rt_tensor *x, int axis, rt_tensor *index, bool keep_dim)
{
    bool drop = !keep_dim && x && x->dims.n > 0;
    rt_tensor *values = rt_gather(x, axis, index);
    c->out[0] = drop ? rt_squeeze(values, axis) : values;
    c->out[1] = drop ? rt_squeeze(index, axis) : index;
}

static rt_topk_results call(const rt_op *op, const void *args)
{
    rt_tensor *out[2];
    rt_apply_all(op, args, out, 2);
    return (rt_topk_results){out[0], out[1]};
}

/* Returns the axis from 0 if x has elements along it, or -1 with an error. */
static int filled_axis(const rt_call *c, const rt_tensor *x, int64_t given)
{
    int axis = rt__axis_or_scalar(c->op->name, given, x->dims.n);
    if (axis >= 0 && x->dims.n > 0 && x->dims.d[axis] == 0) {
        RT_FAIL(SHAPE, "%s: %s has no elements along axis %d", c->op->name, rt_describe(x), axis);
        return -1;
    }
    return axis;
}

/* ---- kthvalue ---- */

RT_COMPOSITE_OF(kthvalue, 2, rt_kthvalue_args, RT_KTHVALUE_FIELDS,
                "the k-th smallest x along the axis, and its index")
{
    rt_tensor *x = a->x;
    int axis = rt__axis_or_scalar("kthvalue", a->axis, x->dims.n);
    if (axis < 0)
        return;
    int64_t size = x->dims.n ? x->dims.d[axis] : 1;
    if (a->k < 1 || a->k > size) {
        RT_FAIL(RANGE, "kthvalue: k is %lld, expected 1 to %lld, the size of axis %d of %s",
                (long long)a->k, (long long)size, axis, rt_describe(x));
        return;
    }
    rt_tensor *index = rt_argsort(rt_detach(x), axis);
    pick(c, x, axis, x->dims.n ? rt_narrow(index, axis, a->k - 1, 1) : index, a->keep_dim);
}

rt_topk_results rt_kthvalue_(rt_kthvalue_args a)
{
    return call(&rt__op_kthvalue, &a);
}

/* ---- median ---- */

/* Returns where the median is in a sorted row: in the middle, or at the first NaN if there is one. */
static rt_tensor *middle(rt_tensor *x, int axis)
{
    int64_t size = rt_size(x, axis);
    rt_tensor *numbers = rt_sum(rt_eq(x, x), rt_shape(axis), .keep_dim = true);
    rt_tensor *all = rt_full(rt_shape(), (double)size, RT_I64);
    rt_tensor *half = rt_full(rt_shape(), (double)((size - 1) / 2), RT_I64);
    return rt_where(rt_eq(numbers, all), half, numbers);
}

/* Of no elements at all: NaN, and an index that is none. */
static void median_of_none(rt_call *c)
{
    const rt_axis_args *a = c->args;
    rt_tensor *none = rt_sum(a->x, .keep_dim = a->keep_dim);
    c->out[0] = rt_mul_scalar(none, NAN);
    c->out[1] = none ? rt_full(none->dims, -1, RT_I64) : NULL;
}

RT_COMPOSITE_OF(median, 2, rt_axis_args, RT_AXIS_FIELDS,
                "the lower median of x along the axis, or of all x, and its index; NaN wins")
{
    bool all = a->axis == RT_NOT_GIVEN;
    if (all && a->x->numel == 0 && !rt__dtype_is_whole(a->x->dtype)) {
        median_of_none(c);
        return;
    }
    rt_tensor *x = all || a->x->dims.n == 0 ? rt_reshape(a->x, rt_shape(a->x->numel)) : a->x;
    int axis = x ? filled_axis(c, x, all || a->x->dims.n == 0 ? 0 : a->axis) : -1;
    if (axis < 0)
        return;
    rt_tensor *sorted = rt_argsort(rt_detach(x), axis);
    pick(c, x, axis, rt_gather(sorted, axis, middle(rt_detach(x), axis)), a->keep_dim);
    rt_dims ones = {.n = a->x->dims.n};
    for (int i = 0; i < ones.n; i++)
        ones.d[i] = 1;
    for (int k = 0; k < 2 && x != a->x && a->keep_dim; k++)
        c->out[k] = rt_reshape(c->out[k], ones);
}

rt_topk_results rt_median_(rt_axis_args a)
{
    return call(&rt__op_median, &a);
}

/* ---- mode ---- */

#define RUN_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "sorted rows")
typedef struct longest_run_args {
    rt_tensor *x;
} longest_run_args;

static rt_status longest_run_infer(rt_call *c)
{
    rt_dims dims = c->in[0]->dims;
    dims.d[dims.n - 1] = 1;
    return rt_result(c, 0, dims, RT_I64);
}

static rt_status longest_run_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->longest_run[x->dtype](e, rt__rows_of(x), x->data, c->out[0]->data);
    return RT_OK;
}

static const rt_op longest_run_op = {
    .name = "longest_run",
    RT_INTERNAL_ARGS(longest_run_args, RUN_FIELDS),
    .infer = longest_run_infer,
    .run = longest_run_run,
};

RT_COMPOSITE_OF(mode, 2, rt_mode_args, RT_MODE_FIELDS,
                "the most frequent x along the axis, of several the smallest, and its last index")
{
    rt_tensor *x = a->x->dims.n ? a->x : rt_reshape(a->x, rt_shape(1));
    int axis = x ? filled_axis(c, x, a->axis) : -1;
    if (axis < 0)
        return;
    rt_sort_results s = rt_sort(rt_transpose(rt_detach(x), axis, -1));
    rt_tensor *at = rt_apply(&longest_run_op, &(longest_run_args){s.values});
    rt_tensor *index = rt_transpose(rt_gather(s.index, -1, at), axis, -1);
    pick(c, x, axis, rt_contiguous(index), a->keep_dim && a->x->dims.n > 0);
}

rt_topk_results rt_mode_(rt_mode_args a)
{
    return call(&rt__op_mode, &a);
}
