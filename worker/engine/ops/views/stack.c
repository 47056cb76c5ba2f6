/* Stacks tensors along a new axis. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/ops/ops.h"

#define STACK_FIELDS(F)                                                                            \
    F(INPUTS, xs, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "of one shape, with at most 7 axes")        \
    F(INT, axis, 0, RT_ANY, "the axis of y that is new")
typedef struct RT_DESIGNATED stack_args {
    RT_STRUCT(STACK_FIELDS)
} stack_args;

RT_COMPOSITE(stack, stack_args, STACK_FIELDS, "y = the xs one after the other along a new axis")
{
    int axis = rt__axis("stack", a->axis, c->in[0]->dims.n + 1);
    if (axis < 0)
        return NULL;
    for (int i = 1; i < c->n_in; i++)
        if (!rt__dims_equal(c->in[i]->dims, c->in[0]->dims))
            return RT_FAIL_NULL(SHAPE, "stack: tensor %d is %s, expected the shape of %s", i,
                                rt_describe(c->in[i]), rt_describe(c->in[0]));
    rt_tensor **rows = rt_calloc((size_t)c->n_in, sizeof *rows);
    for (int i = 0; i < c->n_in && rows; i++)
        rows[i] = rt_unsqueeze(c->in[i], axis);
    rt_tensor *y = rows ? rt_cat(rows, c->n_in, axis) : NULL;
    rt_mem_free(rows);
    return y;
}

rt_tensor *rt_stack(rt_tensor *const *xs, int count, int axis)
{
    return rt_apply(&rt__op_stack, &(stack_args){.xs = xs, .xs_count = count, .axis = axis});
}
