/* Adds an axis of size 1. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define UNSQUEEZE_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "at most 7 axes")                                          \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis of y that is new")
typedef struct RT_DESIGNATED unsqueeze_args {
    RT_STRUCT(UNSQUEEZE_FIELDS)
} unsqueeze_args;

rt_tensor *rt_unsqueeze(rt_tensor *x, int axis)
{
    if (!rt__takes("unsqueeze", x))
        return NULL;
    if (x->dims.n == RT_MAX_DIMS)
        return RT_FAIL_NULL(SHAPE, "unsqueeze: %s has all %d axes there can be", rt_describe(x),
                            RT_MAX_DIMS);
    int i = rt__axis("unsqueeze", axis, x->dims.n + 1);
    if (i < 0)
        return NULL;
    rt_dims dims = {.n = x->dims.n + 1};
    for (int k = 0; k < dims.n; k++)
        dims.d[k] = k == i ? 1 : x->dims.d[k < i ? k : k - 1];
    return rt_reshape(x, dims);
}

static void unsqueeze_compose(rt_call *c)
{
    const unsqueeze_args *a = c->args;
    c->out[0] = rt_unsqueeze(a->x, (int)a->axis);
}

const rt_op rt__op_unsqueeze = {
    .name = "unsqueeze",
    .help = "y = x with one more axis, of size 1",
    RT_ARGS(unsqueeze_args, UNSQUEEZE_FIELDS),
    .compose = unsqueeze_compose,
};
