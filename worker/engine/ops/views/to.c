/* A copy with another element type. */
#include "worker/engine/ops/ops.h"

#define TO_FIELDS(F)                                                                               \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DTYPE, dtype, RT_NEEDED, RT_ANY, "the element type of y")
typedef struct RT_DESIGNATED to_args {
    RT_STRUCT(TO_FIELDS)
} to_args;

static rt_status to_infer(rt_call *c)
{
    const to_args *a = c->args;
    return rt_result(c, 0, c->in[0]->dims, a->dtype);
}

static rt_status to_run(rt_call *c)
{
    return rt__convert_into(c->out[0], c->in[0]);
}

/* Only called between float and complex types: others have no gradient and no history. What came from a real number gets the real part. */
static void to_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_to(dy[0], c->in[0]->dtype);
}

const rt_op rt__op_to = {
    .name = "to",
    .help = "y = a copy of x as another element type",
    RT_ARGS(to_args, TO_FIELDS),
    .infer = to_infer,
    .run = to_run,
    .backward = to_backward,
    .strided = true,
};

rt_tensor *rt_to(rt_tensor *x, rt_dtype dtype)
{
    if (!rt__takes("to", x))
        return NULL;
    return x->dtype == dtype ? x : rt_apply(&rt__op_to, &(to_args){.x = x, .dtype = dtype});
}
