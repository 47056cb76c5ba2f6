/* y[index[i][j]][j] += src[i][j] for axis 0, in the order of the index, so that repeated indices always give the same bits. The gradient of
 * src is gather. */
#include "worker/engine/ops/index/scatter.h"

static rt_status add_run(rt_call *c)
{
    return rt__scatter_along(c, RT_JOIN_ADD);
}

static void add_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    if (rt_needs(c, 0))
        dx[0] = dy[0];
    if (rt_needs(c, 2))
        dx[2] = rt__scatter_padded(c, rt__scatter_gathered(c, dy[0]));
}

const rt_op rt__op_scatter_add = {
    .name = "scatter_add",
    .help = "y = x with y[..index[..i..]..] += src[..i..] along an axis, in the order of i",
    RT_ARGS(rt_scatter_args, RT_SCATTER_FIELDS),
    .infer = rt__scatter_infer,
    .run = add_run,
    .backward = add_backward,
    .saves_in = 1 << 1,
    .plan_size = sizeof(rt_index_plan),
    .strided = true,
    .in_place = true,
};

rt_tensor *rt_scatter_add(rt_tensor *x, int axis, rt_tensor *index, rt_tensor *src)
{
    return rt_apply(&rt__op_scatter_add,
                    &(rt_scatter_args){.x = x, .index = index, .src = src, .axis = axis});
}

rt_tensor *rt__scatter_add(rt_tensor *src, int axis, rt_tensor *index, rt_dims shape)
{
    if (!src)
        return NULL;
    rt_tensor *zeros = rt_full(shape, 0, src->dtype);
    return rt_apply_in_place(
        &rt__op_scatter_add,
        &(rt_scatter_args){.x = zeros, .index = index, .src = src, .axis = axis});
}
