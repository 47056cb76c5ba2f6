/* The axes in another order. Its gradient is the inverse permutation. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define PERMUTE_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, axes, RT_NEEDED, RT_ANY, "each axis of x once, in the order of y")
typedef struct RT_DESIGNATED permute_args {
    RT_STRUCT(PERMUTE_FIELDS)
} permute_args;

typedef struct permute_plan {
    rt_dims axes; /* counted from 0 */
} permute_plan;

static rt_status permute_infer(rt_call *c)
{
    const rt_dims axes = ((const permute_args *)c->args)->axes;
    const rt_tensor *x = c->in[0];
    permute_plan *p = c->plan;
    rt_dims dims = {.n = axes.n};
    int64_t stride[RT_MAX_DIMS];
    unsigned seen = 0;
    bool fine = axes.n == x->dims.n;
    for (int i = 0; i < axes.n && fine; i++) {
        int64_t axis = axes.d[i] < 0 ? axes.d[i] + axes.n : axes.d[i];
        fine = axis >= 0 && axis < axes.n && !(seen & (1u << axis));
        if (!fine)
            break;
        seen |= 1u << axis;
        p->axes.d[i] = axis;
        dims.d[i] = x->dims.d[axis];
        stride[i] = x->stride[axis];
    }
    if (!fine)
        return RT_FAIL(SHAPE, "permute: the axes given do not name each of the %d axes of %s once",
                       x->dims.n, rt_describe(x));
    p->axes.n = axes.n;
    return rt_window(c, dims, stride, 0);
}

static void permute_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const permute_plan *p = c->plan;
    rt_dims back = {.n = p->axes.n};
    for (int i = 0; i < back.n; i++)
        back.d[p->axes.d[i]] = i;
    dx[0] = rt_permute(dy[0], back);
}

const rt_op rt__op_permute = {
    .name = "permute",
    .help = "y = x with its axes in another order: axis i of y is axis axes[i] of x",
    RT_ARGS(permute_args, PERMUTE_FIELDS),
    .infer = permute_infer,
    .backward = permute_backward,
    .plan_size = sizeof(permute_plan),
};

rt_tensor *rt_permute(rt_tensor *x, rt_dims axes)
{
    return rt_apply(&rt__op_permute, &(permute_args){.x = x, .axes = axes});
}
