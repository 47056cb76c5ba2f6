/* Elements selected along an axis by an index: y[i][j] = x[index[i][j]][j] for axis 0. The gradient is scatter_add. */
#include "worker/engine/ops/index/index.h"

#define GATHER_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INPUT, index, RT_NEEDED, RT_INTEGERS, "as many axes, none but `axis` longer than x's")       \
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
    const rt_tensor *x = c->in[0], *index = rt__whole_index(c->in[1]);
    if (!index)
        return rt_error_code();
    rt_pick pick = rt__index_pick(c->plan, x, index);
    rt_exec *e = rt_exec_of(c);
    e->kernels->gather(e, &pick, x->data, index->data, c->out[0]->data);
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
    .strided = true,
};

rt_tensor *rt_gather(rt_tensor *x, int axis, rt_tensor *index)
{
    return rt_apply(&rt__op_gather, &(gather_args){.x = x, .index = index, .axis = axis});
}

/* ---- by an index that others share ---- */

#define INDEX_SELECT_FIELDS(F)                                                                     \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, index, RT_NEEDED, RT_INTEGERS, "[n]; each in [0, the size of the axis)")              \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis that the index counts along")
typedef struct RT_DESIGNATED index_select_args {
    RT_STRUCT(INDEX_SELECT_FIELDS)
} index_select_args;

RT_COMPOSITE(index_select, index_select_args, INDEX_SELECT_FIELDS,
             "y[..i..] = x[..index[i]..] along an axis")
{
    rt_tensor *x = a->x;
    int axis = rt__axis_or_scalar("index_select", a->axis, x->dims.n);
    rt_tensor *along = rt__index_along("index_select", a->index, x->dims, axis);
    if (along && x->dims.n == 0 && along->numel != 1)
        return RT_FAIL_NULL(SHAPE, "index_select: x has no axes and index %s, expected one element",
                            rt_describe(a->index));
    return rt_gather(x, axis, along && x->dims.n == 0 ? rt_reshape(along, x->dims) : along);
}

rt_tensor *rt_index_select(rt_tensor *x, int axis, rt_tensor *index)
{
    return rt_apply(&rt__op_index_select,
                    &(index_select_args){.x = x, .index = index, .axis = axis});
}

/* Returns the shape of x and the index broadcast to each other, but with the index's size along the axis; sets *of_x to the same with
 * x's. */
static rt_status broadcast_but(rt_dims x, rt_dims index, int axis, rt_dims *of_x, rt_dims *of_index)
{
    rt_dims a = x, b = index;
    a.d[axis] = b.d[axis] = 1;
    RT_TRY(rt__broadcast("take_along_dim", a, b, of_x));
    *of_index = *of_x;
    of_x->d[axis] = x.d[axis];
    of_index->d[axis] = index.d[axis];
    return RT_OK;
}

/* Returns the index with those that count from the end of an axis of that size counted from its beginning. */
static rt_tensor *from_the_beginning(rt_tensor *index, int64_t size)
{
    rt_tensor *i = rt_to(index, RT_I64), *zero = rt_full(rt_shape(), 0, RT_I64);
    return rt_where(rt_lt(i, zero), rt_add_scalar(i, (double)size), i);
}

RT_COMPOSITE(take_along_dim, rt_take_along_dim_args, RT_TAKE_ALONG_DIM_FIELDS,
             "y[..i..] = x[..index[..i..]..] along an axis, both broadcast; without one, both flat")
{
    rt_tensor *x = a->x, *index = a->index;
    if (a->axis == RT_NOT_GIVEN)
        return rt_gather(rt_reshape(x, rt_shape(x->numel)), 0,
                         from_the_beginning(rt_reshape(index, rt_shape(index->numel)), x->numel));
    rt_dims of_x, of_index;
    int axis = rt__axis("take_along_dim", a->axis, x->dims.n);
    if (axis < 0)
        return NULL;
    if (x->dims.n != index->dims.n)
        return RT_FAIL_NULL(SHAPE, "take_along_dim: x %s and index %s, expected as many axes",
                            rt_describe(x), rt_describe(index));
    if (broadcast_but(x->dims, index->dims, axis, &of_x, &of_index) != RT_OK)
        return NULL;
    index = from_the_beginning(index, x->dims.d[axis]);
    return rt_gather(rt_expand(x, of_x), axis, rt_expand(index, of_index));
}

rt_tensor *rt_take_along_dim_(rt_take_along_dim_args a)
{
    return rt_apply(&rt__op_take_along_dim, &a);
}

#define TAKE_FIELDS(F)                                                                             \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, index, RT_NEEDED, RT_INTEGERS, "any shape; a negative one counts from the end")
typedef struct RT_DESIGNATED take_args {
    RT_STRUCT(TAKE_FIELDS)
} take_args;

RT_COMPOSITE(take, take_args, TAKE_FIELDS,
             "y[i] = x[index[i]], where x is flat: its elements in row-major order")
{
    rt_tensor *const flat[RT_MAX_DIMS] = {a->index};
    return rt__pick(rt_reshape(a->x, rt_shape(a->x->numel)), flat);
}

rt_tensor *rt_take(rt_tensor *x, rt_tensor *index)
{
    return rt_apply(&rt__op_take, &(take_args){.x = x, .index = index});
}
