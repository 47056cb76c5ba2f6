/* What losses composed of other operations share: the check of their two inputs, and the reduction of the elements' losses.
 *
 *     if (rt__loss_same_shape(c) != RT_OK)
 *         return NULL;
 *     return rt__loss_reduced(rt_abs(rt_sub(a->x, a->target)), a->reduction); */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_LOSS_LOSS_H
#define RINGTORCH_WORKER_ENGINE_OPS_LOSS_LOSS_H

#include "worker/engine/ops/ops.h"

/* Compose: fails unless input and target have one shape. A target that would have to be broadcast is nearly always a mistake. */
rt_status rt__loss_same_shape(const rt_call *c);
/* Compose: returns the mean or sum of the losses, or the losses themselves. reduction: an rt_reduction. */
rt_tensor *rt__loss_reduced(rt_tensor *losses, int reduction);

#endif
