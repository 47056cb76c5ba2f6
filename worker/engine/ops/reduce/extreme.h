/* What extremes share; rt_amax and rt_amin: dx: dy, divided equally among all elements that are equal to the
 * result. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_REDUCE_EXTREME_H
#define RINGTORCH_WORKER_ENGINE_OPS_REDUCE_EXTREME_H

#include "worker/engine/ops/reduce/fold.h"

#define RT_EXTREME_FIELDS(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape")                                             \
    RT_REDUCE_VALUES(F)

/* Infer: also fails for empty reductions, which have no extreme. */
rt_status rt__extreme_infer(rt_call *c);
/* Makes the plan for one axis, or for all if it is not given; fails, naming the operation, if there is nothing to choose from. */
rt_status rt__extreme_axis(rt_call *c, int64_t axis);
/* Infer and run of an operation on rt_axis_args whose result is the index of the largest or smallest element. */
rt_status rt__arg_infer(rt_call *c);
rt_status rt__arg_run(rt_call *c, bool largest);
/* Backward of rt_amax and rt_amin: reads x and the result. */
void rt__extreme_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx);

#endif
