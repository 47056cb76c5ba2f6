/* Running extremes along an axis and where they are. The gradient of each value goes to its index. */
#include "common/base/error.h"
#include "worker/engine/ops/reduce/fold.h"

#define CUMMAX_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape")                                             \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis")
typedef struct RT_DESIGNATED cummax_args {
    RT_STRUCT(CUMMAX_FIELDS)
} cummax_args;

static rt_status cummax_infer(rt_call *c)
{
    int *axis = c->plan;
    *axis = rt__axis_or_scalar(c->op->name, ((const cummax_args *)c->args)->axis, c->in[0]->dims.n);
    if (*axis < 0)
        return rt_error_code();
    RT_TRY(rt_result_like(c, 0, c->in[0]));
    return rt_result(c, 1, c->in[0]->dims, RT_I64);
}

static rt_status extreme_run(rt_call *c, bool largest)
{
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    if (x->numel > 0)
        e->kernels->cumextreme[x->dtype](e, rt__fold_of(x->dims, *(const int *)c->plan), largest,
                                         x->data, c->out[0]->data, c->out[1]->data);
    return RT_OK;
}

static rt_status cummax_run(rt_call *c)
{
    return extreme_run(c, true);
}

static rt_status cummin_run(rt_call *c)
{
    return extreme_run(c, false);
}

static void cummax_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__scatter_add(dy[0], *(const int *)c->plan, c->out[1], c->in[0]->dims);
}

const rt_op rt__op_cummax = {
    .name = "cummax",
    .help = "the largest x up to each place along the axis, and its last index",
    RT_ARGS(cummax_args, CUMMAX_FIELDS),
    .n_out = 2,
    .infer = cummax_infer,
    .run = cummax_run,
    .backward = cummax_backward,
    .saves_out = 1 << 1,
    .plan_size = sizeof(int),
};

const rt_op rt__op_cummin = {
    .name = "cummin",
    .help = "the smallest x up to each place along the axis, and its last index",
    RT_ARGS(cummax_args, CUMMAX_FIELDS),
    .n_out = 2,
    .infer = cummax_infer,
    .run = cummin_run,
    .backward = cummax_backward,
    .saves_out = 1 << 1,
    .plan_size = sizeof(int),
};

rt_cumextreme_results rt_cummax(rt_tensor *x, int axis)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_cummax, &(cummax_args){.x = x, .axis = axis}, out, 2);
    return (rt_cumextreme_results){out[0], out[1]};
}

rt_cumextreme_results rt_cummin(rt_tensor *x, int axis)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_cummin, &(cummax_args){.x = x, .axis = axis}, out, 2);
    return (rt_cumextreme_results){out[0], out[1]};
}
