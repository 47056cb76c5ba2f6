/* y = x broadcast to a larger shape, without a copy: broadcast axes have stride 0. dx = dy summed back to the shape of x. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define EXPAND_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "one that x broadcasts to; -1 keeps a size of x")
typedef struct RT_DESIGNATED expand_args {
    RT_STRUCT(EXPAND_FIELDS)
} expand_args;

static rt_status expand_infer(rt_call *c)
{
    const expand_args *a = c->args;
    const rt_tensor *x = c->in[0];
    rt_dims shape = a->shape, common;
    int lead = shape.n - x->dims.n;
    for (int i = 0; i < shape.n; i++)
        if (shape.d[i] == -1 && i >= lead)
            shape.d[i] = x->dims.d[i - lead];
    if (lead < 0 || rt__dims_numel(shape, "expand") < 0 ||
        rt__broadcast("expand", x->dims, shape, &common) != RT_OK || !rt__dims_equal(common, shape))
        return RT_FAIL(SHAPE, "expand: %s does not broadcast to %s", rt_describe(x),
                       rt_dims_text(a->shape));
    int64_t stride[RT_MAX_DIMS];
    rt__broadcast_strides(x, shape, stride);
    return rt_window(c, shape, stride, 0);
}

static void expand_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__sum_to(dy[0], c->in[0]->dims);
}

const rt_op rt__op_expand = {
    .name = "expand",
    .help = "y = x broadcast to a shape",
    RT_ARGS(expand_args, EXPAND_FIELDS),
    .infer = expand_infer,
    .backward = expand_backward,
};

rt_tensor *rt_expand(rt_tensor *x, rt_dims shape)
{
    return rt_apply(&rt__op_expand, &(expand_args){.x = x, .shape = shape});
}
