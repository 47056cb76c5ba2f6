/* A contiguous tensor of the same elements. */
#include "worker/engine/ops/ops.h"

#define CONTIGUOUS_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")
typedef struct RT_DESIGNATED contiguous_args {
    RT_STRUCT(CONTIGUOUS_FIELDS)
} contiguous_args;

rt_tensor *rt_contiguous(rt_tensor *x)
{
    if (!rt__takes("contiguous", x))
        return NULL;
    return x->contiguous ? x : rt_clone(x);
}

static void contiguous_compose(rt_call *c)
{
    c->out[0] = rt_contiguous(c->in[0]);
}

const rt_op rt__op_contiguous = {
    .name = "contiguous",
    .help = "y = x itself if it is row-major and without gaps, else a copy that is",
    RT_ARGS(contiguous_args, CONTIGUOUS_FIELDS),
    .compose = contiguous_compose,
};
