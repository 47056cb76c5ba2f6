/* The same elements without history. */
#include "worker/engine/ops/ops.h"

#define DETACH_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")
typedef struct RT_DESIGNATED detach_args {
    RT_STRUCT(DETACH_FIELDS)
} detach_args;

static rt_status detach_infer(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    return rt_window(c, x->dims, x->stride, 0);
}

const rt_op rt__op_detach = {
    .name = "detach",
    .help = "y = x without history and gradient; shares its memory",
    RT_ARGS(detach_args, DETACH_FIELDS),
    .infer = detach_infer,
};

rt_tensor *rt_detach(rt_tensor *x)
{
    return rt_apply(&rt__op_detach, &(detach_args){.x = x});
}
