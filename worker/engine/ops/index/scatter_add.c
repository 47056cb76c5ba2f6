/* The reverse of rt_gather: y[index[i][j]][j] += src[i][j] for axis 0, in the order of the index, so that repeated indices always give
 * the same bits. The gradient is gather. */
#include "worker/engine/ops/index/index.h"

#define SCATTER_ADD_FIELDS(F)                                                                      \
    F(INPUT, src, RT_NEEDED, RT_NOT_BOOL, "what is added")                                         \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "the same shape")                                     \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of y: as many axes, none but `axis` shorter than src's")    \
    F(INT, axis, 0, RT_ANY, "the axis that the index counts along")
typedef struct RT_DESIGNATED scatter_add_args {
    RT_STRUCT(SCATTER_ADD_FIELDS)
} scatter_add_args;

static rt_status scatter_add_infer(rt_call *c)
{
    const scatter_add_args *a = c->args;
    if (!rt__dims_equal(c->in[0]->dims, c->in[1]->dims))
        return RT_FAIL(SHAPE, "scatter_add: %s and index %s, expected one shape",
                       rt_describe(c->in[0]), rt_describe(c->in[1]));
    RT_TRY(rt__index_plan(c, c->in[1]->dims, a->shape, a->axis));
    return rt_result(c, 0, a->shape, c->in[0]->dtype);
}

static rt_status scatter_add_run(rt_call *c)
{
    const rt_tensor *src = c->in[0];
    rt_tensor *y = c->out[0];
    RT_TRY(rt__fill(y, 0));
    rt_pick pick = rt__index_pick(c->plan, y->dtype);
    rt_exec *e = rt_exec_of(c);
    e->kernels->scatter_add[y->dtype](e, &pick, src->data, c->in[1]->data, y->data);
    return rt__index_error(c);
}

static void scatter_add_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    const rt_index_plan *p = c->plan;
    dx[0] = rt_gather(g[0], p->axis, c->in[1]);
}

const rt_op rt__op_scatter_add = {
    .name = "scatter_add",
    .help = "y[..index[..i..]..] += src[..i..] along an axis, from zeros, in the order of i",
    RT_ARGS(scatter_add_args, SCATTER_ADD_FIELDS),
    .infer = scatter_add_infer,
    .run = scatter_add_run,
    .backward = scatter_add_backward,
    .saves_in = 1 << 1,
    .plan_size = sizeof(rt_index_plan),
};

rt_tensor *rt__scatter_add(rt_tensor *src, int axis, rt_tensor *index, rt_dims shape)
{
    return rt_apply(&rt__op_scatter_add,
                    &(scatter_add_args){.src = src, .index = index, .shape = shape, .axis = axis});
}
