/* Drops an axis of size 1. */
#include "worker/engine/ops/ops.h"

#define SQUEEZE_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis that goes, if it has size 1")
typedef struct RT_DESIGNATED squeeze_args {
    RT_STRUCT(SQUEEZE_FIELDS)
} squeeze_args;

rt_tensor *rt_squeeze(rt_tensor *x, int axis)
{
    int i = rt__takes("squeeze", x) ? rt__axis_or_scalar("squeeze", axis, x->dims.n) : -1;
    if (i < 0)
        return NULL;
    if (x->dims.n == 0 || x->dims.d[i] != 1)
        return x;
    rt_dims dims = {.n = x->dims.n - 1};
    for (int k = 0; k < dims.n; k++)
        dims.d[k] = x->dims.d[k < i ? k : k + 1];
    return rt_reshape(x, dims);
}

static void squeeze_compose(rt_call *c)
{
    const squeeze_args *a = c->args;
    c->out[0] = rt_squeeze(a->x, (int)a->axis);
}

const rt_op rt__op_squeeze = {
    .name = "squeeze",
    .help = "y = x without an axis of size 1; x itself if its size is another",
    RT_ARGS(squeeze_args, SQUEEZE_FIELDS),
    .compose = squeeze_compose,
};
