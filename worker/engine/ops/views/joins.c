/* Composites that join tensors along an axis that their name says. */
#include "common/base/mem.h"
#include "worker/engine/ops/ops.h"

#define JOIN_FIELDS(F)                                                                             \
    F(INPUTS, xs, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "of one shape but for the axis")
typedef struct RT_DESIGNATED join_args {
    RT_STRUCT(JOIN_FIELDS)
} join_args;

static rt_tensor *as_column(rt_tensor *x)
{
    return x && x->dims.n < 2 ? rt_reshape(x, rt_shape(x->numel, 1)) : x;
}

/* Joins what `shaped` makes of each input. */
static rt_tensor *join(const rt_call *c, rt_tensor *(*shaped)(rt_tensor *), int axis)
{
    rt_tensor **xs = rt_calloc((size_t)c->n_in, sizeof *xs);
    for (int i = 0; i < c->n_in && xs; i++)
        xs[i] = shaped(c->in[i]);
    rt_tensor *y = xs ? rt_cat(xs, c->n_in, axis) : NULL;
    rt_mem_free(xs);
    return y;
}

RT_COMPOSITE(hstack, join_args, JOIN_FIELDS,
             "y = the xs joined along axis 1, or along axis 0 if they are vectors or scalars")
{
    return join(c, rt_atleast_1d, c->in[0]->dims.n < 2 ? 0 : 1);
}

rt_tensor *rt_hstack(rt_tensor *const *xs, int count)
{
    return rt_apply(&rt__op_hstack, &(join_args){.xs = xs, .xs_count = count});
}

RT_COMPOSITE(vstack, join_args, JOIN_FIELDS, "y = the xs joined along axis 0, vectors as rows")
{
    return join(c, rt_atleast_2d, 0);
}

rt_tensor *rt_vstack(rt_tensor *const *xs, int count)
{
    return rt_apply(&rt__op_vstack, &(join_args){.xs = xs, .xs_count = count});
}

RT_COMPOSITE(dstack, join_args, JOIN_FIELDS,
             "y = the xs joined along axis 2, [n] as [1, n, 1] and [n, m] as [n, m, 1]")
{
    return join(c, rt_atleast_3d, 2);
}

rt_tensor *rt_dstack(rt_tensor *const *xs, int count)
{
    return rt_apply(&rt__op_dstack, &(join_args){.xs = xs, .xs_count = count});
}

RT_COMPOSITE(column_stack, join_args, JOIN_FIELDS,
             "y = the xs joined along axis 1, vectors as columns")
{
    return join(c, as_column, 1);
}

rt_tensor *rt_column_stack(rt_tensor *const *xs, int count)
{
    return rt_apply(&rt__op_column_stack, &(join_args){.xs = xs, .xs_count = count});
}
