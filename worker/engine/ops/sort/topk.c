/* The k largest or smallest elements along an axis, and their indices. The gradient of each value goes to its index; indices have
 * no gradient. The kernel works on the last axis; another axis is moved to the end and back. */
#include "common/base/error.h"
#include "worker/engine/ops/index/index.h"

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

/* Runs on the last axis; values and places: [..., k], contiguous. */
static void run_rows(const rt_call *c, const rt_tensor *x, const rt_tensor *values,
                     const rt_tensor *places)
{
    const rt_topk_args *a = c->args;
    rt_topk_shape s = {a->k, a->largest, a->sorted};
    int64_t len = x->dims.n ? x->dims.d[x->dims.n - 1] : 1;
    rt_rows rows = {len ? x->numel / len : 0, len};
    rt_exec *e = rt_exec_of(c);
    e->kernels->topk[x->dtype](e, rows, s, x->data, values->data, places->data);
}

static rt_status topk_run(rt_call *c)
{
    int axis = *(const int *)c->plan, n = c->in[0]->dims.n;
    rt_tensor *x = c->in[0], *out[2] = {c->out[0], c->out[1]};
    bool last = n == 0 || axis == n - 1;
    if (!last)
        x = rt_transpose(x, axis, -1);
    x = rt__tensor_contiguous(x);
    for (int k = 0; k < 2 && !last && x; k++) {
        out[k] = rt_transpose(c->out[k], axis, -1);
        out[k] = out[k] ? rt__tensor_new(out[k]->dims, out[k]->dtype) : NULL;
    }
    if (rt_failed())
        return rt_error_code();
    run_rows(c, x, out[0], out[1]);
    for (int k = 0; k < 2 && !last && !rt_failed(); k++) {
        rt_tensor *moved = rt_transpose(out[k], axis, -1);
        if (moved)
            rt__copy(c->out[k], moved);
    }
    return rt_error_code();
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
