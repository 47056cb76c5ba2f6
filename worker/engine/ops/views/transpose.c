/* Swaps two axes. */
#include "worker/engine/ops/ops.h"

#define TRANSPOSE_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INT, a, RT_NEEDED, RT_ANY_AXIS, "an axis")                                                   \
    F(INT, b, RT_NEEDED, RT_ANY_AXIS, "the axis that it changes places with")
typedef struct RT_DESIGNATED transpose_args {
    RT_STRUCT(TRANSPOSE_FIELDS)
} transpose_args;

rt_tensor *rt_transpose(rt_tensor *x, int a, int b)
{
    if (!rt__takes("transpose", x))
        return NULL;
    int i = rt__axis_or_scalar("transpose", a, x->dims.n);
    int j = i < 0 ? -1 : rt__axis_or_scalar("transpose", b, x->dims.n);
    if (j < 0)
        return NULL;
    rt_dims axes = {.n = x->dims.n};
    for (int k = 0; k < axes.n; k++)
        axes.d[k] = k == i ? j : k == j ? i : k;
    return rt_permute(x, axes);
}

static void transpose_compose(rt_call *c)
{
    const transpose_args *a = c->args;
    c->out[0] = rt_transpose(a->x, (int)a->a, (int)a->b);
}

const rt_op rt__op_transpose = {
    .name = "transpose",
    .help = "y = x with the axes a and b exchanged",
    RT_ARGS(transpose_args, TRANSPOSE_FIELDS),
    .compose = transpose_compose,
};
