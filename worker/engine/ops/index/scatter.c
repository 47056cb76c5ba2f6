/* The reverse of rt_gather: y = x with src[i][j] joined to y[index[i][j]][j] for axis 0, in the order of the index, so that repeated
 * indices always give the same bits. The gradient of src is gather. */
#include "worker/engine/ops/index/scatter.h"

rt_tensor *rt__scatter_part(rt_tensor *src, const rt_tensor *index)
{
    for (int i = 0; src && i < index->dims.n; i++)
        if (src->dims.d[i] > index->dims.d[i])
            src = rt_narrow(src, i, 0, index->dims.d[i]);
    return src;
}

rt_status rt__scatter_infer(rt_call *c)
{
    const rt_scatter_args *a = c->args;
    rt_dims x = c->in[0]->dims, index = c->in[1]->dims, src = c->in[2]->dims;
    bool fits = src.n == index.n;
    for (int i = 0; fits && i < index.n; i++)
        fits = src.d[i] >= index.d[i];
    if (!fits)
        return RT_FAIL(SHAPE, "%s: src %s and index %s, expected as many axes, none of src shorter",
                       c->op->name, rt_describe(c->in[2]), rt_describe(c->in[1]));
    RT_TRY(rt__index_plan(c, index, x, a->axis));
    return rt_result_like(c, 0, c->in[0]);
}

rt_status rt__scatter_along(rt_call *c, rt_join join)
{
    rt_tensor *index = rt__whole_index(c->in[1]);
    if (!index)
        return rt_error_code();
    rt_pick pick = rt__index_pick(c->plan, c->out[0], index);
    return rt__scatter_run(c, join, &pick, index, rt__scatter_part(c->in[2], index));
}

rt_tensor *rt__scatter_padded(const rt_call *c, rt_tensor *g)
{
    rt_dims dims = c->in[2]->dims;
    if (!g || rt__dims_equal(g->dims, dims))
        return g;
    rt_tensor *dsrc = rt_full(dims, 0, g->dtype);
    return rt_copy_into(rt__scatter_part(dsrc, c->in[1]), g) == RT_OK ? dsrc : NULL;
}

rt_tensor *rt__scatter_gathered(const rt_call *c, rt_tensor *x)
{
    return rt_gather(x, rt__scatter_axis(c), c->in[1]);
}

/* ---- the operation ---- */

static rt_status write_run(rt_call *c)
{
    return rt__scatter_along(c, RT_JOIN_WRITE);
}

/* As in PyTorch, every src has the gradient of its place, also if another src has overwritten it. */
static void write_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    if (rt_needs(c, 0))
        dx[0] = rt_scatter_value(dy[0], rt__scatter_axis(c), c->in[1], 0);
    if (rt_needs(c, 2))
        dx[2] = rt__scatter_padded(c, rt__scatter_gathered(c, dy[0]));
}

static const rt_op write_op = {
    .name = "scatter",
    RT_ARGS(rt_scatter_args, RT_SCATTER_FIELDS),
    .infer = rt__scatter_infer,
    .run = write_run,
    .backward = write_backward,
    .saves_in = 1 << 1,
    .plan_size = sizeof(rt_index_plan),
    .strided = true,
    .in_place = true,
};

#define SCATTER_OR_VALUE_FIELDS(F)                                                                 \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, index, RT_NEEDED, RT_INTEGERS, "as many axes, none but `axis` longer than x's")       \
    F(INPUT, src, RT_OPTIONAL, RT_ANY_TYPE, "as many axes, none shorter than the index's")         \
    F(INT, axis, 0, RT_ANY, "the axis that the index counts along")                                \
    F(NUMBER, value, 0, RT_ANY, "what is written if src is not given")
typedef struct RT_DESIGNATED scatter_or_value_args {
    RT_STRUCT(SCATTER_OR_VALUE_FIELDS)
} scatter_or_value_args;

RT_COMPOSITE(scatter, scatter_or_value_args, SCATTER_OR_VALUE_FIELDS,
             "y = x with y[..index[..i..]..] = src[..i..] along an axis; of repeated indices the "
             "last one counts")
{
    rt_tensor *src = a->src;
    if (!src)
        src = rt_expand(rt_full(rt_shape(), a->value, a->x->dtype), a->index->dims);
    return rt_apply(&write_op,
                    &(rt_scatter_args){.x = a->x, .index = a->index, .src = src, .axis = a->axis});
}

rt_tensor *rt_scatter(rt_tensor *x, int axis, rt_tensor *index, rt_tensor *src)
{
    return rt_apply(&write_op,
                    &(rt_scatter_args){.x = x, .index = index, .src = src, .axis = axis});
}

rt_tensor *rt_scatter_value(rt_tensor *x, int axis, rt_tensor *index, double value)
{
    return rt_apply(&rt__op_scatter,
                    &(scatter_or_value_args){.x = x, .index = index, .axis = axis, .value = value});
}
