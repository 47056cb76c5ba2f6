/* The same elements in another shape: a view if possible, else a view of a copy. */
#include "worker/engine/ops/views/shaped.h"

/* The view that a reshape records, under the name "reshape". */
static const rt_op reshape_view_op = {
    .name = "reshape",
    RT_ARGS(rt_shaped_args, RT_SHAPED_FIELDS),
    .infer = rt__shaped_infer,
    .backward = rt__shaped_backward,
};

/* Returns x, or a contiguous copy if x cannot be viewed in that shape. */
static rt_tensor *viewable_as(rt_tensor *x, rt_dims shape)
{
    int64_t stride[RT_MAX_DIMS];
    if (rt__shaped_resolve("reshape", x, &shape) != RT_OK)
        return NULL;
    return rt__shaped_strides(x, shape, stride) ? x : rt_contiguous(x);
}

rt_tensor *rt_reshape(rt_tensor *x, rt_dims shape)
{
    if (!rt__takes("reshape", x))
        return NULL;
    if (!x->contiguous)
        x = viewable_as(x, shape);
    return rt_apply(&reshape_view_op, &(rt_shaped_args){.x = x, .shape = shape});
}

static void reshape_compose(rt_call *c)
{
    const rt_shaped_args *a = c->args;
    c->out[0] = rt_reshape(a->x, a->shape);
}

const rt_op rt__op_reshape = {
    .name = "reshape",
    .help = "y = x in another shape; a copy only where it must be",
    RT_ARGS(rt_shaped_args, RT_SHAPED_FIELDS),
    .compose = reshape_compose,
};
