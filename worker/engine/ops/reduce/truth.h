/* What rt_all and rt_any share: a fold of x as bool, of which uint8 makes uint8. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_REDUCE_TRUTH_H
#define RINGTORCH_WORKER_ENGINE_OPS_REDUCE_TRUTH_H

#include "worker/engine/ops/reduce/fold.h"

#define RT_TRUTH_FIELDS(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    RT_REDUCE_VALUES(F)

/* Infer; empty: the result for no elements. */
rt_status rt__truth_infer(rt_call *c, bool empty);
/* Run. */
rt_status rt__truth_run(rt_call *c, rt_fold_fn *f);

#endif
