/* What scans and the gradients of products share. All is differentiable. Sizes are those of x; axis counts from either end. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_SCAN_SCAN_H
#define RINGTORCH_WORKER_ENGINE_OPS_SCAN_SCAN_H

#include "worker/engine/ops/ops.h"

/* Returns x moved by one place along the axis: towards its end if by is 1, towards its beginning if it is -1. The place that becomes free
 * gets the value. */
rt_tensor *rt__shift(rt_tensor *x, int axis, int by, double value);
/* Returns the running products, from the end if reverse. */
rt_tensor *rt__cumprod(rt_tensor *x, int axis, bool reverse);
/* Returns y[i] = a[i] * y[i - 1] + b[i] along the axis, with 0 before the first; y[i + 1] if reverse. */
rt_tensor *rt__recurrence(rt_tensor *a, rt_tensor *b, int axis, bool reverse);

#endif
