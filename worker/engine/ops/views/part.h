/* What operations on parts of an axis share; a part is the indices start, start + step, ... of it.
 *
 *     RT_TRY(rt__copy_to_part(y, x, axis, at, 1));        // y[..., at:at+len, ...] = x */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_VIEWS_PART_H
#define RINGTORCH_WORKER_ENGINE_OPS_VIEWS_PART_H

#include "worker/engine/ops/ops.h"

/* Copies x's value into y at the indices start, start + step, ... of an axis, as many as x has there. The other axes must be equal, and y
 * must be contiguous. */
rt_status rt__copy_to_part(rt_tensor *y, const rt_tensor *x, int axis, int64_t start, int64_t step);

/* Returns the stride between consecutive selected indices. It may wrap around for an axis with at most one index, where it is never used. */
static inline int64_t rt__step_over(int64_t stride, int64_t step)
{
    int64_t product;
    (void)__builtin_mul_overflow(stride, step, &product);
    return product;
}

#endif
