/* Running maxima along an axis and where they are. The gradient of each value goes to its index. */
#include "worker/engine/ops/scan/scan.h"

#define CUMMAX_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape")                                             \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis")
typedef struct RT_DESIGNATED cummax_args {
    RT_STRUCT(CUMMAX_FIELDS)
} cummax_args;

static rt_status cummax_infer(rt_call *c)
{
    return rt__cumextreme_infer(c, ((const cummax_args *)c->args)->axis);
}

static rt_status cummax_run(rt_call *c)
{
    return rt__cumextreme_run(c, true);
}

const rt_op rt__op_cummax = {
    .name = "cummax",
    .help = "the largest x up to each place along the axis, and its last index",
    RT_ARGS(cummax_args, CUMMAX_FIELDS),
    .n_out = 2,
    .infer = cummax_infer,
    .run = cummax_run,
    .backward = rt__cumextreme_backward,
    .saves_out = 1 << 1,
    .plan_size = sizeof(int),
};

rt_cumextreme_results rt_cummax(rt_tensor *x, int axis)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_cummax, &(cummax_args){.x = x, .axis = axis}, out, 2);
    return (rt_cumextreme_results){out[0], out[1]};
}
