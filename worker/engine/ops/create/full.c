/* One value everywhere. */
#include "worker/engine/ops/ops.h"

#define FULL_FIELDS(F)                                                                             \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the result")                                             \
    F(NUMBER, value, RT_NEEDED, RT_ANY, "of every element")                                        \
    F(DTYPE, dtype, RT_F32, RT_ANY, "of the result")
typedef struct RT_DESIGNATED full_args {
    RT_STRUCT(FULL_FIELDS)
} full_args;

static rt_status full_infer(rt_call *c)
{
    const full_args *a = c->args;
    return rt_result(c, 0, a->shape, a->dtype);
}

static rt_status full_run(rt_call *c)
{
    return rt__fill(c->out[0], ((const full_args *)c->args)->value);
}

const rt_op rt__op_full = {
    .name = "full",
    .help = "y[i] = value",
    RT_ARGS(full_args, FULL_FIELDS),
    .infer = full_infer,
    .run = full_run,
};

rt_tensor *rt_full(rt_dims shape, double value, rt_dtype dtype)
{
    return rt_apply(&rt__op_full, &(full_args){.shape = shape, .value = value, .dtype = dtype});
}

#define FULL_LIKE_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "whose shape and type are taken")                          \
    F(NUMBER, value, RT_NEEDED, RT_ANY, "of every element")
typedef struct RT_DESIGNATED full_like_args {
    RT_STRUCT(FULL_LIKE_FIELDS)
} full_like_args;

RT_COMPOSITE(full_like, full_like_args, FULL_LIKE_FIELDS, "y[i] = value",
             .derivatives = RT_CONSTANT)
{
    return rt_full(a->x->dims, a->value, a->x->dtype);
}

rt_tensor *rt_full_like(rt_tensor *x, double value)
{
    return rt_apply(&rt__op_full_like, &(full_like_args){.x = x, .value = value});
}
