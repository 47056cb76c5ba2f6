/* Running minima along an axis and where they are. The gradient of each value goes to its index. */
#include "worker/engine/ops/scan/scan.h"

#define CUMMIN_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape")                                             \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis")
typedef struct RT_DESIGNATED cummin_args {
    RT_STRUCT(CUMMIN_FIELDS)
} cummin_args;

static rt_status cummin_infer(rt_call *c)
{
    return rt__cumextreme_infer(c, ((const cummin_args *)c->args)->axis);
}

static rt_status cummin_run(rt_call *c)
{
    return rt__cumextreme_run(c, false);
}

const rt_op rt__op_cummin = {
    .name = "cummin",
    .help = "the smallest x up to each place along the axis, and its last index",
    RT_ARGS(cummin_args, CUMMIN_FIELDS),
    .n_out = 2,
    .infer = cummin_infer,
    .run = cummin_run,
    .backward = rt__cumextreme_backward,
    .saves_out = 1 << 1,
    .plan_size = sizeof(int),
};

rt_cumextreme_results rt_cummin(rt_tensor *x, int axis)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_cummin, &(cummin_args){.x = x, .axis = axis}, out, 2);
    return (rt_cumextreme_results){out[0], out[1]};
}
