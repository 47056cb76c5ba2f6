/* Writes one number into every element of a tensor. */
#include "worker/engine/ops/ops.h"

#define FILL_FIELDS(F)                                                                             \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "what is written into")                                    \
    F(NUMBER, value, RT_NEEDED, RT_ANY, "of every element, converted to the type of x")
typedef struct RT_DESIGNATED fill_args {
    RT_STRUCT(FILL_FIELDS)
} fill_args;

static void fill_compose(rt_call *c)
{
    rt_fill(c->in[0], ((const fill_args *)c->args)->value);
    c->out[0] = c->in[0];
}

const rt_op rt__op_fill = {
    .name = "fill",
    .help = "x = value in every element",
    RT_ARGS(fill_args, FILL_FIELDS),
    .compose = fill_compose,
    .writes = true,
};
