/* y = x with whole slices along an axis added to, replaced or filled, by an index that all elements of a slice share. */
#include "worker/engine/ops/index/index.h"

/* Returns the axis from 0 if src is x but for the size of the axis, which is the index's; -1 with an error. Scalars have one axis. */
static int checked_axis(const rt_call *c, int64_t given, const rt_tensor *src)
{
    const rt_tensor *x = c->in[0], *index = c->in[1];
    int axis = rt__axis_or_scalar(c->op->name, given, x->dims.n);
    rt_dims expected = x->dims;
    if (axis >= 0 && x->dims.n > 0)
        expected.d[axis] = index->numel;
    bool scalars = expected.n + src->dims.n < 2 && src->numel == 1 && index->numel == 1;
    if (axis < 0 || scalars || rt__dims_equal(src->dims, expected))
        return axis;
    RT_FAIL(SHAPE, "%s: x %s, index %s and src %s, expected src %s", c->op->name, rt_describe(x),
            rt_describe(index), rt_describe(src), rt_dims_text(expected));
    return -1;
}

/* Calls scatter or scatter_add with src, which is NULL for a value. */
static rt_tensor *along(const rt_call *c, int axis, rt_tensor *src, double value, bool add)
{
    rt_tensor *x = c->in[0], *index = rt__index_along(c->op->name, c->in[1], x->dims, axis);
    if (index && x->dims.n == 0)
        index = rt_reshape(index, x->dims);
    if (!index)
        return NULL;
    if (!src)
        return rt_scatter_value(x, axis, index, value);
    src = rt_reshape(src, index->dims);
    return add ? rt_scatter_add(x, axis, index, src) : rt_scatter(x, axis, index, src);
}

RT_COMPOSITE(index_add, rt_index_add_args, RT_INDEX_ADD_FIELDS,
             "y = x with y[..index[i]..] += alpha src[..i..] along an axis, in the order of i")
{
    int axis = checked_axis(c, a->axis, a->src);
    rt_tensor *src = axis < 0 || a->alpha == 1 ? a->src : rt_mul_scalar(a->src, a->alpha);
    return axis < 0 ? NULL : along(c, axis, src ? rt_to(src, a->x->dtype) : NULL, 0, true);
}

rt_tensor *rt_index_add_(rt_index_add_args a)
{
    return rt_apply(&rt__op_index_add, &a);
}

#define INDEX_COPY_FIELDS(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "any shape")                                     \
    F(INPUT, index, RT_NEEDED, RT_INTEGERS, "[n]; each in [0, the size of the axis)")              \
    F(INPUT, src, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "x's shape, but n along the axis")             \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis that the index counts along")
typedef struct RT_DESIGNATED index_copy_args {
    RT_STRUCT(INDEX_COPY_FIELDS)
} index_copy_args;

RT_COMPOSITE(index_copy, index_copy_args, INDEX_COPY_FIELDS,
             "y = x with y[..index[i]..] = src[..i..] along an axis; of repeated indices the last "
             "one counts")
{
    int axis = checked_axis(c, a->axis, a->src);
    return axis < 0 ? NULL : along(c, axis, a->src, 0, false);
}

rt_tensor *rt_index_copy(rt_tensor *x, int axis, rt_tensor *index, rt_tensor *src)
{
    return rt_apply(&rt__op_index_copy,
                    &(index_copy_args){.x = x, .index = index, .src = src, .axis = axis});
}

#define INDEX_FILL_FIELDS(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, index, RT_NEEDED, RT_INTEGERS, "[n]; each in [0, the size of the axis)")              \
    F(INPUT, src, RT_OPTIONAL, RT_ANY_TYPE, "[]: the value as a tensor")                           \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis that the index counts along")                   \
    F(NUMBER, value, 0, RT_ANY, "what is written if src is not given")
typedef struct RT_DESIGNATED index_fill_args {
    RT_STRUCT(INDEX_FILL_FIELDS)
} index_fill_args;

RT_COMPOSITE(index_fill, index_fill_args, INDEX_FILL_FIELDS,
             "y = x with y[..index[i]..] = value along an axis")
{
    int axis = rt__axis_or_scalar("index_fill", a->axis, a->x->dims.n);
    if (a->src && a->src->dims.n > 0)
        return RT_FAIL_NULL(SHAPE, "index_fill: src is %s, expected []", rt_describe(a->src));
    if (!a->src || axis < 0)
        return along(c, axis, NULL, a->value, false);
    rt_dims dims = a->x->dims, along_axis = {.n = dims.n};
    int64_t n = dims.n > 0 ? dims.d[axis] : 1;
    for (int i = 0; i < dims.n; i++)
        along_axis.d[i] = i == axis ? n : 1;
    /* By a mask, so that an element that the index has twice counts once in the gradient of src. */
    rt_tensor *mask = rt_index_fill(rt_zeros(rt_shape(n), RT_BOOL), 0, a->index, 1);
    return rt_masked_fill_by(a->x, rt_reshape(mask, along_axis), rt_to(a->src, a->x->dtype));
}

rt_tensor *rt_index_fill(rt_tensor *x, int axis, rt_tensor *index, double value)
{
    return rt_apply(&rt__op_index_fill,
                    &(index_fill_args){.x = x, .index = index, .axis = axis, .value = value});
}
