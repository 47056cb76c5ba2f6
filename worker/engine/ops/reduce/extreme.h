/* What rt_amax and rt_amin share. dx: dy, divided equally among all elements that are equal to the
 * result. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_REDUCE_EXTREME_H
#define RINGTORCH_WORKER_ENGINE_OPS_REDUCE_EXTREME_H

#include "worker/engine/ops/reduce/fold.h"

#define RT_EXTREME_FIELDS(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape")                                             \
    RT_REDUCE_VALUES(F)

/* Infer: also fails for empty reductions, which have no extreme. */
rt_status rt__extreme_infer(rt_call *c);
/* Backward: reads x and the result. */
void rt__extreme_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx);

#endif
