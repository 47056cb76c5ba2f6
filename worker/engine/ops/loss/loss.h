/* What losses composed of other operations share: the check of their two inputs, rows of classes, and the reduction of the elements'
 * losses.
 *
 *     if (rt__loss_same_shape(c) != RT_OK)
 *         return NULL;
 *     return rt__loss_reduced(rt_abs(rt_sub(a->x, a->target)), a->reduction); */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_LOSS_LOSS_H
#define RINGTORCH_WORKER_ENGINE_OPS_LOSS_LOSS_H

#include "worker/engine/ops/ops.h"

/* Fails unless the reduction is mean, sum or none. */
rt_status rt__loss_takes(const char *name, int reduction);
/* rt_apply for a loss without RT_BATCH_MEAN, which it refuses by that name: the check of the rows knows only its number. */
rt_tensor *rt__loss_apply(const rt_op *op, const void *args, int reduction);

/* Compose: fails unless input and target have one shape. A target that would have to be broadcast is nearly always a mistake. */
rt_status rt__loss_same_shape(const rt_call *c);
/* Compose: returns the mean or sum of the losses, or the losses themselves. reduction: an rt_reduction other than RT_BATCH_MEAN. */
rt_tensor *rt__loss_reduced(rt_tensor *losses, int reduction);
/* Compose: the same for losses that have been multiplied by weights, whose sum the mean divides by; weights may be NULL. */
rt_tensor *rt__loss_reduced_by(rt_tensor *losses, rt_tensor *weights, int reduction);

/* Differentiable: x, but 16-bit floats as float32: for losses with an eps that float16 cannot hold. x may be NULL. */
rt_tensor *rt__loss_wide(rt_tensor *x);
/* Returns losses * weight; the losses if weight is NULL, NULL if it does not broadcast to them. */
rt_tensor *rt__loss_weighted(const rt_call *c, rt_tensor *losses, rt_tensor *weight);
/* Differentiable: max(x, 0), whose gradient is 1 at 0, as that of PyTorch's clamp_min. */
rt_tensor *rt__loss_hinge(rt_tensor *x);

/* One row for each target. */
typedef struct rt_class_rows {
    rt_tensor *x;      /* [n, classes] */
    rt_tensor *target; /* int64 [n], contiguous */
    rt_dims shape;     /* of the losses */
} rt_class_rows;

/* Compose: makes rows of the first two inputs, [classes] and [], or [n, classes, ...] and [n, ...]. Fails if they do not fit, or if the
 * third input, the weights of the classes, is there and not [classes]. */
rt_status rt__class_rows(const rt_call *c, rt_class_rows *rows);
/* Differentiable: minus the log-probability x[target] of each row [n]; weighted and 0 where the target is ignored. *share gets the
 * weight of each row, NULL if all are 1. weight may be NULL. */
rt_tensor *rt__class_losses(const rt_class_rows *rows, rt_tensor *weight, int64_t ignore_index,
                            rt_tensor **share);
/* Differentiable: 0 in the rows whose target is ignored, else x [n]. */
rt_tensor *rt__class_ignored(const rt_class_rows *rows, rt_tensor *x, int64_t ignore_index);

#endif
