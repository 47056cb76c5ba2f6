/* Elements selected along an axis by an int64 index: y[i][j] = x[index[i][j]][j] for axis 0. The gradient is
 * scatter_add. */
#include "worker/engine/ops/index/index.h"

#define GATHER_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "as many axes, none but `axis` longer than x's")      \
    F(INT, axis, 0, RT_ANY, "the axis that the index counts along")
typedef struct RT_DESIGNATED gather_args {
    RT_STRUCT(GATHER_FIELDS)
} gather_args;

static rt_status gather_infer(rt_call *c)
{
    const gather_args *a = c->args;
    RT_TRY(rt__index_plan(c, c->in[1]->dims, c->in[0]->dims, a->axis));
    return rt_result(c, 0, c->in[1]->dims, c->in[0]->dtype);
}

static rt_status gather_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_pick pick = rt__index_pick(c->plan, x->dtype);
    rt_exec *e = rt_exec_of(c);
    e->kernels->gather(e, &pick, x->data, c->in[1]->data, c->out[0]->data);
    return rt__index_error(c);
}

static void gather_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const rt_index_plan *p = c->plan;
    dx[0] = rt__scatter_add(dy[0], p->axis, c->in[1], c->in[0]->dims);
}

const rt_op rt__op_gather = {
    .name = "gather",
    .help = "y[..i..] = x[..index[..i..]..] along an axis",
    RT_ARGS(gather_args, GATHER_FIELDS),
    .infer = gather_infer,
    .run = gather_run,
    .backward = gather_backward,
    .saves_in = 1 << 1,
    .plan_size = sizeof(rt_index_plan),
};

rt_tensor *rt_gather(rt_tensor *x, int axis, rt_tensor *index)
{
    return rt_apply(&rt__op_gather, &(gather_args){.x = x, .index = index, .axis = axis});
}
