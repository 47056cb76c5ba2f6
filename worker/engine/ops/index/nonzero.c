/* What is selected by values: results whose shape depends on them (include/ringtorch/op.h). */
#include "worker/engine/ops/index/index.h"

/* ---- coordinates ---- */

#define COORDINATES_FIELDS(F) F(INPUT, places, RT_NEEDED, RT_TYPE(I64), "[n]")
typedef struct coordinates_args {
    rt_tensor *places;
    rt_dims dims; /* of the tensor whose elements are counted */
} coordinates_args;

static rt_status coordinates_infer(rt_call *c)
{
    int n = ((const coordinates_args *)c->args)->dims.n;
    return rt_result(c, 0, rt_shape(c->in[0]->numel, n), RT_I64);
}

static rt_status coordinates_run(rt_call *c)
{
    const rt_dims *dims = &((const coordinates_args *)c->args)->dims;
    const rt_tensor *places = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->coordinates(e, places->numel, dims->n, dims->d, places->data, c->out[0]->data);
    return RT_OK;
}

static const rt_op coordinates_op = {
    .name = "nonzero",
    RT_INTERNAL_ARGS(coordinates_args, COORDINATES_FIELDS),
    .infer = coordinates_infer,
    .run = coordinates_run,
};

#define NONZERO_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")
typedef struct RT_DESIGNATED nonzero_args {
    RT_STRUCT(NONZERO_FIELDS)
} nonzero_args;

static rt_tensor *nonzero(rt_tensor *x)
{
    rt_tensor *places = rt__places(rt_to(rt_detach(x), RT_BOOL));
    return rt_apply(&coordinates_op, &(coordinates_args){places, x->dims});
}

RT_COMPOSITE(nonzero, nonzero_args, NONZERO_FIELDS,
             "the coordinates of the elements of x that are not zero, in row-major order",
             .derivatives = RT_CONSTANT)
{
    return nonzero(a->x);
}

RT_COMPOSITE(argwhere, nonzero_args, NONZERO_FIELDS, "nonzero(x)", .derivatives = RT_CONSTANT)
{
    return nonzero(a->x);
}

rt_tensor *rt_nonzero(rt_tensor *x)
{
    return rt_apply(&rt__op_nonzero, &(nonzero_args){.x = x});
}

rt_tensor *rt_argwhere(rt_tensor *x)
{
    return rt_apply(&rt__op_argwhere, &(nonzero_args){.x = x});
}

/* ---- masked_select ---- */

#define MASKED_SELECT_FIELDS(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, mask, RT_NEEDED, RT_TYPE(BOOL), "one that broadcasts with it")
typedef struct RT_DESIGNATED masked_select_args {
    RT_STRUCT(MASKED_SELECT_FIELDS)
} masked_select_args;

RT_COMPOSITE(masked_select, masked_select_args, MASKED_SELECT_FIELDS,
             "the elements of x where the mask is true, in row-major order")
{
    rt_dims dims;
    if (rt__broadcast("masked_select", a->x->dims, a->mask->dims, &dims) != RT_OK)
        return NULL;
    rt_tensor *x = rt_expand(a->x, dims);
    if (!x)
        return NULL;
    rt_tensor *places = rt__places(rt_expand(a->mask, dims));
    return rt_gather(rt_reshape(x, rt_shape(x->numel)), 0, places);
}

rt_tensor *rt_masked_select(rt_tensor *x, rt_tensor *mask)
{
    return rt_apply(&rt__op_masked_select, &(masked_select_args){.x = x, .mask = mask});
}
