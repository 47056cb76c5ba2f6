/* Product along an axis, or of all elements. dx[i]: dy times the product of all other elements, which is that of those before times that
 * of those after, so nothing is divided by an element that may be 0. */
#include "common/base/error.h"
#include "worker/engine/ops/reduce/fold.h"
#include "worker/engine/ops/scan/scan.h"

static rt_status prod_infer(rt_call *c)
{
    const rt_prod_args *a = c->args;
    rt_fold_plan *plan = c->plan;
    plan->empty = 1;
    RT_TRY(rt__fold_axis(c, a->axis));
    rt_dims dims = rt__fold_dims(c->in[0]->dims, plan->axes, a->keep_dim);
    return rt_result(c, 0, dims, rt__fold_dtype(c, a->dtype));
}

static rt_status prod_run(rt_call *c)
{
    return rt__fold_as(c, rt_exec_of(c)->kernels->prod);
}

static void prod_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const rt_prod_args *a = c->args;
    rt_tensor *x = rt_to(c->in[0], dy[0]->dtype), *g = rt__fold_spread(c, dy[0]);
    rt_dims row = a->axis == RT_NOT_GIVEN ? rt_shape(-1) : c->in[0]->dims;
    int axis = a->axis == RT_NOT_GIVEN || row.n == 0 ? 0 : (int)a->axis;
    if (!x || c->in[0]->numel == 0)
        row = c->in[0]->dims; /* nothing to multiply, in any shape */
    if (row.n == 0)
        row = rt_shape(1);
    x = rt_reshape(x, row);
    rt_tensor *before = rt__cumprod(rt__shift(x, axis, 1, 1), axis, false);
    rt_tensor *after = rt__cumprod(rt__shift(x, axis, -1, 1), axis, true);
    rt_tensor *others = rt_reshape(rt_mul(before, after), c->in[0]->dims);
    dx[0] = rt_to(rt_mul(g, rt_conj(others)), c->in[0]->dtype);
}

const rt_op rt__op_prod = {
    .name = "prod",
    .help = "y = product of x along the axis, or of all x",
    RT_ARGS(rt_prod_args, RT_PROD_FIELDS),
    .infer = prod_infer,
    .run = prod_run,
    .backward = prod_backward,
    .saves_in = 1,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_prod_(rt_prod_args a)
{
    return rt_apply(&rt__op_prod, &a);
}
