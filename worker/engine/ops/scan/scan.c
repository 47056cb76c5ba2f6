/* Scans along an axis. */
#include "worker/engine/ops/scan/scan.h"

#include "common/base/error.h"
#include "worker/engine/ops/reduce/fold.h"

static rt_status find_axis(rt_call *c, int64_t given)
{
    int *axis = c->plan;
    *axis = rt__axis_or_scalar(c->op->name, given, c->in[0]->dims.n);
    return *axis < 0 ? rt_error_code() : RT_OK;
}

rt_status rt__scan_infer(rt_call *c)
{
    const rt_cumsum_args *a = c->args;
    RT_TRY(find_axis(c, a->axis));
    return rt_result(c, 0, c->in[0]->dims, rt__fold_dtype(c, a->dtype));
}

rt_status rt__scan_run(rt_call *c, rt_scan_fn *const *kernels, bool reverse)
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

rt_status rt__cumextreme_infer(rt_call *c, int64_t axis)
{
    RT_TRY(find_axis(c, axis));
    RT_TRY(rt_result_like(c, 0, c->in[0]));
    return rt_result(c, 1, c->in[0]->dims, RT_I64);
}

rt_status rt__cumextreme_run(rt_call *c, bool largest)
{
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    if (x->numel > 0)
        e->kernels->cumextreme[x->dtype](e, rt__fold_of(x->dims, *(const int *)c->plan), largest,
                                         x->data, c->out[0]->data, c->out[1]->data);
    return RT_OK;
}

void rt__cumextreme_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__scatter_add(dy[0], *(const int *)c->plan, c->out[1], c->in[0]->dims);
}
