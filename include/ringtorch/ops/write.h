/* Writing into existing tensors, as slice assignment does.
 *
 *     rt_tensor *x = rt_zeros(rt_shape(8, 4)), *y = rt_ones(rt_shape(3, 4));
 *     rt_copy_into(rt_narrow(x, 0, 2, 3), y);                                // x[2:5] = y
 *     rt_fill(rt_select(x, 0, 7), 2);                                        // x[7] = 2
 *     printf("%g\n", rt_item(rt_sum(x)));                                    // 20
 *
 * Each element-wise operation has its own in-place form, rt_<name>_inplace (pointwise.h).
 *
 * Lifetime: these functions make no objects; the destination keeps its owners. */
#ifndef RINGTORCH_OPS_WRITE_H
#define RINGTORCH_OPS_WRITE_H

#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

/* Copies the elements of src into dst, which may be a view, even of the same storage. The shape of
 * src must broadcast to that of dst; types are converted. The write is recorded: dst, and if dst
 * is a view also its base and all other views of that base, have the history of what was written
 * from then on, so
 *
 *     rt_copy_into(rt_narrow(x, 0, 2, 3), y);   // x[2:5] = y
 *
 * gives y its part of the gradient of x. Refuses what rt_apply_in_place (op.h) refuses, except
 * that a parameter accepts a src without gradient. A backward that needs the old value fails. */
RT_API rt_status rt_copy_into(rt_tensor *dst, const rt_tensor *src);
/* Sets every element of dst, as rt_copy_into would; the gradient of what dst was before is zero. */
RT_API rt_status rt_fill(rt_tensor *dst, double value);

RT_END_DECLS

#endif
