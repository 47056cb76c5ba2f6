/* A lazy copy, made when either side is written. */
#include "worker/engine/ops/ops.h"

#define CLONE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")
typedef struct RT_DESIGNATED clone_args {
    RT_STRUCT(CLONE_FIELDS)
} clone_args;

static void clone_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = dy[0];
}

/* Copies only if the result does not share x's storage. */
static rt_status clone_run(rt_call *c)
{
    return c->out[0]->storage == c->in[0]->storage ? RT_OK : rt__convert_into(c->out[0], c->in[0]);
}

const rt_op rt__op_clone = {
    .name = "clone",
    .help = "y = a copy of x",
    RT_ARGS(clone_args, CLONE_FIELDS),
    .infer = rt__infer_like_first,
    .run = clone_run,
    .shares = true,
    .backward = clone_backward,
    .strided = true,
};

rt_tensor *rt_clone(rt_tensor *x)
{
    return rt_apply(&rt__op_clone, &(clone_args){.x = x});
}
