/* What scans and the gradients of products share. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_SCAN_SCAN_H
#define RINGTORCH_WORKER_ENGINE_OPS_SCAN_SCAN_H

#include "worker/engine/ops/ops.h"

typedef void rt_scan_fn(rt_exec *e, rt_fold f, bool reverse, const void *x, void *y);

/* Infer of an operation on rt_cumsum_args; its plan is the axis, an int. */
rt_status rt__scan_infer(rt_call *c);
/* Run: in the type that sums of the result's type are computed in. */
rt_status rt__scan_run(rt_call *c, rt_scan_fn *const *kernels, bool reverse);
/* Infer, run and backward of an operation on one input with the results values and index. */
rt_status rt__cumextreme_infer(rt_call *c, int64_t axis);
rt_status rt__cumextreme_run(rt_call *c, bool largest);
void rt__cumextreme_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx);

/* ---- differentiable; sizes are those of x, and axis counts from either end ---- */

/* Returns x moved by one place along the axis: towards its end if by is 1, towards its beginning if it is -1. The place that becomes free
 * gets the value. */
rt_tensor *rt__shift(rt_tensor *x, int axis, int by, double value);
/* Returns the running products, from the end if reverse. */
rt_tensor *rt__cumprod(rt_tensor *x, int axis, bool reverse);
/* Returns y[i] = a[i] * y[i - 1] + b[i] along the axis, with 0 before the first; y[i + 1] if reverse. */
rt_tensor *rt__recurrence(rt_tensor *a, rt_tensor *b, int axis, bool reverse);

#endif
