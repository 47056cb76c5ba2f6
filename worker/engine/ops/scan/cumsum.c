/* Running sums and products. The gradient of running sums are the running sums of dy from the end. That of running products:
 * dx[i] = y[i - 1] * g[i] with g[i] = dy[i] + x[i + 1] * g[i + 1], which divides by nothing. */
#include "common/base/error.h"
#include "worker/engine/ops/reduce/fold.h"
#include "worker/engine/ops/scan/scan.h"

typedef void scan_fn(rt_exec *e, rt_fold f, bool reverse, const void *x, void *y);

static rt_status scan_infer(rt_call *c)
{
    const rt_cumsum_args *a = c->args;
    const rt_tensor *x = c->in[0];
    int *axis = c->plan;
    *axis = rt__axis_or_scalar(c->op->name, a->axis, x->dims.n);
    if (*axis < 0)
        return rt_error_code();
    return rt_result(c, 0, x->dims, rt__fold_dtype(c, a->dtype));
}

static rt_status scan_run(rt_call *c, scan_fn *const *kernels, bool reverse)
{
    rt_tensor *y = c->out[0];
    rt_dtype t = rt__computed_in(y->dtype);
    const rt_tensor *x = rt_to(rt_to(c->in[0], y->dtype), t);
    rt_tensor *to = t == y->dtype ? y : rt__tensor_new(y->dims, t);
    if (!x || !to)
        return rt_error_code();
    if (x->numel > 0)
        kernels[t](rt_exec_of(c), rt__fold_of(x->dims, *(const int *)c->plan), reverse, x->data,
                   to->data);
    return to == y ? RT_OK : rt__convert_into(y, to);
}

/* ---- sums ---- */

extern const rt_op rt__op_cumsum;
static const rt_op cumsum_from_end;

static rt_status cumsum_run(rt_call *c)
{
    return scan_run(c, rt_exec_of(c)->kernels->cumsum, c->op == &cumsum_from_end);
}

static void cumsum_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const rt_op *other = c->op == &cumsum_from_end ? &rt__op_cumsum : &cumsum_from_end;
    rt_cumsum_args a = {.x = dy[0], .axis = *(const int *)c->plan, .dtype = RT_NO_DTYPE};
    dx[0] = rt_to(rt_apply(other, &a), c->in[0]->dtype);
}

const rt_op rt__op_cumsum = {
    .name = "cumsum",
    .help = "y[i] = y[i - 1] + x[i] along the axis",
    RT_ARGS(rt_cumsum_args, RT_CUMSUM_FIELDS),
    .infer = scan_infer,
    .run = cumsum_run,
    .backward = cumsum_backward,
    .plan_size = sizeof(int),
};

static const rt_op cumsum_from_end = {
    .name = "cumsum",
    RT_ARGS(rt_cumsum_args, RT_CUMSUM_FIELDS),
    .infer = scan_infer,
    .run = cumsum_run,
    .backward = cumsum_backward,
    .plan_size = sizeof(int),
};

/* ---- products ---- */

static const rt_op cumprod_from_end;

static rt_status cumprod_run(rt_call *c)
{
    return scan_run(c, rt_exec_of(c)->kernels->cumprod, c->op == &cumprod_from_end);
}

static void cumprod_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    bool reverse = c->op == &cumprod_from_end;
    int axis = *(const int *)c->plan, next = reverse ? 1 : -1;
    if (c->in[0]->dims.n == 0) {
        dx[0] = rt_to(dy[0], c->in[0]->dtype);
        return;
    }
    rt_tensor *x = rt_to(c->in[0], dy[0]->dtype);
    rt_tensor *g = rt__recurrence(rt__shift(x, axis, next, 0), dy[0], axis, !reverse);
    dx[0] = rt_to(rt_mul(rt__shift(c->out[0], axis, -next, 1), g), c->in[0]->dtype);
}

const rt_op rt__op_cumprod = {
    .name = "cumprod",
    .help = "y[i] = y[i - 1] * x[i] along the axis",
    RT_ARGS(rt_cumsum_args, RT_CUMSUM_FIELDS),
    .infer = scan_infer,
    .run = cumprod_run,
    .backward = cumprod_backward,
    .saves_in = 1,
    .saves_out = 1,
    .plan_size = sizeof(int),
};

static const rt_op cumprod_from_end = {
    .name = "cumprod",
    RT_ARGS(rt_cumsum_args, RT_CUMSUM_FIELDS),
    .infer = scan_infer,
    .run = cumprod_run,
    .backward = cumprod_backward,
    .saves_in = 1,
    .saves_out = 1,
    .plan_size = sizeof(int),
};

rt_tensor *rt__cumprod(rt_tensor *x, int axis, bool reverse)
{
    rt_cumsum_args a = {.x = x, .axis = axis, .dtype = RT_NO_DTYPE};
    return rt_apply(reverse ? &cumprod_from_end : &rt__op_cumprod, &a);
}

rt_tensor *rt_cumsum_(rt_cumsum_args a)
{
    return rt_apply(&rt__op_cumsum, &a);
}

rt_tensor *rt_cumprod_(rt_cumsum_args a)
{
    return rt_apply(&rt__op_cumprod, &a);
}
