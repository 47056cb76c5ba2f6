/* Merges neighbouring axes into one. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define FLATTEN_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INT, first_axis, 0, RT_ANY_AXIS, "the first of the axes that become one")                    \
    F(INT, last_axis, -1, RT_ANY_AXIS, "the last of them, included")
typedef struct RT_DESIGNATED flatten_args {
    RT_STRUCT(FLATTEN_FIELDS)
} flatten_args;

rt_tensor *rt_flatten(rt_tensor *x, int first_axis, int last_axis)
{
    if (!rt__takes("flatten", x))
        return NULL;
    if (x->dims.n == 0)
        return rt_reshape(x, rt_shape(1));
    int first = rt__axis("flatten", first_axis, x->dims.n);
    int last = first < 0 ? -1 : rt__axis("flatten", last_axis, x->dims.n);
    if (last < 0)
        return NULL;
    if (first > last)
        return RT_FAIL_NULL(RANGE, "flatten: first axis %d comes after last axis %d", first_axis,
                            last_axis);
    rt_dims dims = {.n = x->dims.n - (last - first)};
    for (int i = 0; i < dims.n; i++)
        dims.d[i] = x->dims.d[i <= first ? i : i + last - first];
    for (int i = first + 1; i <= last; i++)
        if (__builtin_mul_overflow(dims.d[first], x->dims.d[i], &dims.d[first]))
            return RT_FAIL_NULL(SHAPE, "flatten: the axes of %s make more than 2^63",
                                rt_describe(x));
    return rt_reshape(x, dims);
}

static void flatten_compose(rt_call *c)
{
    const flatten_args *a = c->args;
    c->out[0] = rt_flatten(a->x, (int)a->first_axis, (int)a->last_axis);
}

const rt_op rt__op_flatten = {
    .name = "flatten",
    .help = "y = x with the axes first_axis to last_axis as one",
    RT_ARGS(flatten_args, FLATTEN_FIELDS),
    .compose = flatten_compose,
};
