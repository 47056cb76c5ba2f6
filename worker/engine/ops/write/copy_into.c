/* Copies the elements of one tensor into another, like an assignment to a slice. */
#include "worker/engine/ops/ops.h"

#define COPY_INTO_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "what is written into")                                    \
    F(INPUT, src, RT_NEEDED, RT_ANY_TYPE, "one that broadcasts to x; converted to its type")
typedef struct RT_DESIGNATED copy_into_args {
    RT_STRUCT(COPY_INTO_FIELDS)
} copy_into_args;

static void copy_into_compose(rt_call *c)
{
    rt_copy_into(c->in[0], c->in[1]);
    c->out[0] = c->in[0];
}

const rt_op rt__op_copy_into = {
    .name = "copy_into",
    .help = "x = src",
    RT_ARGS(copy_into_args, COPY_INTO_FIELDS),
    .compose = copy_into_compose,
    .writes = true,
};
