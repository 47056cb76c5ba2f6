/* Kernels that order rows, run along any axis: an axis that is not the last one is moved to the end and its results back.
 *
 *     static void run(const rt_call *c, const rt_tensor *x, rt_tensor *const *out)   // [..., n] to [..., k], contiguous
 *     return rt__along_last(c, axis, run); */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_SORT_ROWS_H
#define RINGTORCH_WORKER_ENGINE_OPS_SORT_ROWS_H

#include "worker/engine/ops/ops.h"

/* Run of an operation on one input with the results values and index. */
rt_status rt__along_last(const rt_call *c, int axis,
                         void (*run)(const rt_call *c, const rt_tensor *x, rt_tensor *const *out));
/* Returns the rows of a contiguous tensor along its last axis; a scalar is one row of one element. */
rt_rows rt__rows_of(const rt_tensor *x);

#endif
