/* The k largest or smallest elements along an axis, and their indices. The gradient of each value goes to its index; indices have
 * no gradient. */
#include "common/base/error.h"
#include "worker/engine/ops/sort/rows.h"

static rt_status topk_infer(rt_call *c)
{
    const rt_topk_args *a = c->args;
    const rt_tensor *x = c->in[0];
    int *axis = c->plan;
    *axis = rt__axis_or_scalar("topk", a->axis, x->dims.n);
    if (*axis < 0)
        return rt_error_code();
    rt_dims dims = x->dims;
    int64_t least = dims.n ? 0 : 1,
            most = dims.n ? dims.d[*axis] : 1; /* a scalar counts as one element */
    if (a->k < least || a->k > most)
        return RT_FAIL(RANGE, "topk: k is %lld, expected %lld to %lld, the size of axis %d of %s",
                       (long long)a->k, (long long)least, (long long)most, *axis, rt_describe(x));
    if (dims.n)
        dims.d[*axis] = a->k;
    RT_TRY(rt_result(c, 0, dims, x->dtype));
    return rt_result(c, 1, dims, RT_I64);
}

static void topk_rows(const rt_call *c, const rt_tensor *x, rt_tensor *const *out)
{
    const rt_topk_args *a = c->args;
    rt_topk_shape s = {a->k, a->largest, a->sorted};
    rt_exec *e = rt_exec_of(c);
    e->kernels->topk[x->dtype](e, rt__rows_of(x), s, x->data, out[0]->data, out[1]->data);
}

/* The kernel is for floats; integers are sorted, and their first k taken. */
static rt_status topk_of_integers(const rt_call *c, int axis)
{
    const rt_topk_args *a = c->args;
    rt_sort_results s = rt_sort(c->in[0], axis, a->largest);
    rt_tensor *values = s.values, *index = s.index;
    if (index && index->dims.n > 0) {
        values = rt_narrow(values, axis, 0, a->k);
        index = rt_narrow(index, axis, 0, a->k);
    }
    if (!a->sorted) {
        index = rt_sort(index, axis).values;
        values = rt_gather(c->in[0], axis, index);
    }
    if (!values || !index)
        return rt_error_code();
    rt__copy(c->out[0], values);
    rt__copy(c->out[1], index);
    return rt_error_code();
}

static rt_status topk_run(rt_call *c)
{
    int axis = *(const int *)c->plan;
    return rt__dtype_is_whole(c->in[0]->dtype) ? topk_of_integers(c, axis)
                                               : rt__along_last(c, axis, topk_rows);
}

static void topk_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__scatter_add(dy[0], *(const int *)c->plan, c->out[1], c->in[0]->dims);
}

const rt_op rt__op_topk = {
    .name = "topk",
    .help = "the k largest (or smallest) x along the axis, and their index",
    RT_ARGS(rt_topk_args, RT_TOPK_FIELDS),
    .n_out = 2,
    .infer = topk_infer,
    .run = topk_run,
    .backward = topk_backward,
    .saves_out = 1 << 1,
    .plan_size = sizeof(int),
    .strided = true,
};

rt_topk_results rt_topk_(rt_topk_args a)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_topk, &a, out, 2);
    return (rt_topk_results){out[0], out[1]};
}
