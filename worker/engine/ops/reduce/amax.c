/* Largest and smallest over any set of axes. dx: dy shared by all elements that are equal to the result. */
#include "common/error.h"
#include "worker/engine/ops/reduce/fold.h"

static rt_status extreme_infer(rt_call *c)
{
    RT_TRY(rt__fold_infer(c, c->in[0]->dtype));
    if (rt__fold_count(c) == 0)
        return RT_FAIL(SHAPE, "%s: %s has no elements along the reduced axes", c->op->name,
                       rt_describe(c->in[0]));
    return RT_OK;
}

static rt_status amax_run(rt_call *c)
{
    return rt__fold_run(c, c->in[0], rt_exec_of(c)->kernels->max[c->in[0]->dtype]);
}

static rt_status amin_run(rt_call *c)
{
    return rt__fold_run(c, c->in[0], rt_exec_of(c)->kernels->min[c->in[0]->dtype]);
}

static void extreme_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const rt_fold_plan *plan = c->plan;
    rt_tensor *x = c->in[0];
    rt_tensor *chosen = rt_to(rt_eq(x, rt__fold_spread(c, c->out[0])), x->dtype);
    rt_reduce_args count = {chosen, {0}, true};
    for (int i = 0; i < x->dims.n; i++)
        if (plan->axes >> i & 1)
            count.axes.d[count.axes.n++] = i;
    dx[0] = rt_mul(rt__fold_spread(c, dy[0]), x->dims.n ? rt_div(chosen, rt_sum_(count)) : chosen);
}

#define EXTREME_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    RT_REDUCE_VALUES(F)

const rt_op rt__op_amax = {
    .name = "amax",
    .help = "y = the largest x over the axes; NaN wins",
    RT_ARGS(rt_reduce_args, EXTREME_FIELDS),
    .infer = extreme_infer,
    .run = amax_run,
    .backward = extreme_backward,
    .saves_in = 1,
    .saves_out = 1,
    .plan_size = sizeof(rt_fold_plan),
};

const rt_op rt__op_amin = {
    .name = "amin",
    .help = "y = the smallest x over the axes; NaN wins",
    RT_ARGS(rt_reduce_args, EXTREME_FIELDS),
    .infer = extreme_infer,
    .run = amin_run,
    .backward = extreme_backward,
    .saves_in = 1,
    .saves_out = 1,
    .plan_size = sizeof(rt_fold_plan),
};

rt_tensor *rt_amax_(rt_reduce_args a)
{
    return rt_apply(&rt__op_amax, &a);
}

rt_tensor *rt_amin_(rt_reduce_args a)
{
    return rt_apply(&rt__op_amin, &a);
}
