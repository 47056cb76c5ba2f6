/* Transposes a matrix. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define T_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[m, n]; with fewer axes y is x")
typedef struct RT_DESIGNATED t_args {
    RT_STRUCT(T_FIELDS)
} t_args;

rt_tensor *rt_t(rt_tensor *x)
{
    if (!rt__takes("t", x))
        return NULL;
    if (x->dims.n > 2)
        return RT_FAIL_NULL(SHAPE, "t: %s, expected two axes or fewer", rt_describe(x));
    return x->dims.n < 2 ? x : rt_transpose(x, 0, 1);
}

static void t_compose(rt_call *c)
{
    c->out[0] = rt_t(c->in[0]);
}

const rt_op rt__op_t = {
    .name = "t",
    .help = "y = x transposed: [n, m]",
    RT_ARGS(t_args, T_FIELDS),
    .compose = t_compose,
};
