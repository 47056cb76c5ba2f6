/* Elements along an axis by an int64 index. gather: y[i][j] = x[index[i][j]][j] for axis 0. scatter_add, its transpose:
 * y[index[i][j]][j] += src[i][j], in the order of the index, so equal indices give the same bits every time. Each is the gradient of
 * the other. */
#include <string.h>
#include "worker/engine/ops/index/index.h"

typedef struct index_plan {
    int axis; /* counted from 0 */
    rt_dims index,
        dims; /* of the index and of what it points into; a scalar passes for one element along one axis */
} index_plan;

static rt_dims with_an_axis(rt_dims d)
{
    return d.n > 0 ? d : rt_shape(1);
}

/* Makes the plan; does an index of that shape point into a tensor of shape dims along the axis? */
static rt_status plan_index(rt_call *c, rt_dims index, rt_dims dims, int64_t given)
{
    index_plan *p = c->plan;
    int axis = rt__axis_or_scalar(c->op->name, given, dims.n);
    if (axis < 0)
        return rt_error_code();
    *p = (index_plan){axis, with_an_axis(index), with_an_axis(dims)};
    bool fits = p->index.n == p->dims.n;
    for (int i = 0; i < p->dims.n && fits; i++)
        fits = i == axis || p->index.d[i] <= p->dims.d[i];
    if (fits)
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: index %s does not fit to %s along axis %d", c->op->name,
                   rt_dims_text(index), rt_dims_text(dims), axis);
}

/* What a kernel is told of a plan, for elements of that type. */
static rt_pick pick_of(const index_plan *p, rt_dtype dtype)
{
    int axis = p->axis, n = p->dims.n;
    rt_pick k = {.bytes = rt_dtype_size(dtype), .size = p->dims.d[axis], .nd = n};
    rt__dims_strides(p->dims, k.stride);
    rt__dims_strides(p->index, k.at);
    k.step = k.stride[axis];
    k.stride[axis] = 0;
    memcpy(k.dim, p->index.d, (size_t)n * sizeof *k.dim);
    return k;
}

/* ---- arguments ---- */

#define GATHER_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "as many axes, none but `axis` longer than x's")      \
    F(INT, axis, 0, RT_ANY, "the axis that the index counts along")
typedef struct gather_args {
    RT_STRUCT(GATHER_FIELDS)
} gather_args;

#define SCATTER_ADD_FIELDS(F)                                                                      \
    F(INPUT, src, RT_NEEDED, RT_NOT_BOOL, "what is added")                                         \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "the same shape")                                     \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of y: as many axes, none but `axis` shorter than src's")    \
    F(INT, axis, 0, RT_ANY, "the axis that the index counts along")
typedef struct scatter_add_args {
    RT_STRUCT(SCATTER_ADD_FIELDS)
} scatter_add_args;

static const index_plan *plan_of(const rt_call *c)
{
    return c->plan;
}

/* ---- gather ---- */

static rt_status gather_infer(rt_call *c)
{
    const gather_args *a = c->args;
    RT_TRY(plan_index(c, c->in[1]->dims, c->in[0]->dims, a->axis));
    return rt_result(c, 0, c->in[1]->dims, c->in[0]->dtype);
}

static rt_status gather_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_pick pick = pick_of(plan_of(c), x->dtype);
    rt_exec *e = rt_exec_of(c);
    e->kernels->gather(e, &pick, x->data, c->in[1]->data, c->out[0]->data);
    return rt__index_error(c);
}

static void gather_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__scatter_add(dy[0], plan_of(c)->axis, c->in[1], c->in[0]->dims);
}

const rt_op rt__op_gather = {
    .name = "gather",
    .help = "y[..i..] = x[..index[..i..]..] along an axis",
    RT_ARGS(gather_args, GATHER_FIELDS),
    .infer = gather_infer,
    .run = gather_run,
    .backward = gather_backward,
    .saves_in = 1 << 1,
    .plan_size = sizeof(index_plan),
};

rt_tensor *rt_gather(rt_tensor *x, int axis, rt_tensor *index)
{
    return rt_apply(&rt__op_gather, &(gather_args){x, index, axis});
}

/* ---- scatter_add ---- */

static rt_status scatter_add_infer(rt_call *c)
{
    const scatter_add_args *a = c->args;
    if (!rt__dims_equal(c->in[0]->dims, c->in[1]->dims))
        return RT_FAIL(SHAPE, "scatter_add: %s and index %s, expected one shape",
                       rt_describe(c->in[0]), rt_describe(c->in[1]));
    RT_TRY(plan_index(c, c->in[1]->dims, a->shape, a->axis));
    return rt_result(c, 0, a->shape, c->in[0]->dtype);
}

static rt_status scatter_add_run(rt_call *c)
{
    const rt_tensor *src = c->in[0];
    rt_tensor *y = c->out[0];
    RT_TRY(rt__fill(y, 0));
    rt_pick pick = pick_of(plan_of(c), y->dtype);
    rt_exec *e = rt_exec_of(c);
    e->kernels->scatter_add[y->dtype](e, &pick, src->data, c->in[1]->data, y->data);
    return rt__index_error(c);
}

static void scatter_add_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    dx[0] = rt_gather(g[0], plan_of(c)->axis, c->in[1]);
}

const rt_op rt__op_scatter_add = {
    .name = "scatter_add",
    .help = "y[..index[..i..]..] += src[..i..] along an axis, from zeros, in the order of i",
    RT_ARGS(scatter_add_args, SCATTER_ADD_FIELDS),
    .infer = scatter_add_infer,
    .run = scatter_add_run,
    .backward = scatter_add_backward,
    .saves_in = 1 << 1,
    .plan_size = sizeof(index_plan),
};

rt_tensor *rt__scatter_add(rt_tensor *src, int axis, rt_tensor *index, rt_dims shape)
{
    return rt_apply(&rt__op_scatter_add, &(scatter_add_args){src, index, shape, axis});
}
