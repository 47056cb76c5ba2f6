/* Tensors whose elements are all known. random.h makes random tensors; tensor.h makes tensors without
 * values and from memory.
 *
 *     rt_tensor *odd = rt_arange(1, 10, 2, RT_I64);                          // [5] 1, 3, 5, 7, 9
 *     rt_tensor *half = rt_full(rt_shape(3, 3), 0.5, RT_F32);
 *     rt_tensor *sum = rt_add(rt_eye(3), half);                              // [3,3]
 *     printf("%g %g\n", rt_item(rt_sum(odd)), rt_item(rt_sum(sum)));         // 25 7.5
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_CREATE_H
#define RINGTORCH_OPS_CREATE_H

#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

/* Makes a tensor whose elements are all `value`, converted to dtype. Beyond 2^53 a double
 * represents only some of the integers; rt_from takes all of them. */
RT_API rt_tensor *rt_full(rt_dims shape, double value, rt_dtype dtype);
/* Makes a tensor of start, start + step, ... up to but not including end. Each value is rounded
 * from float64; int64 values are exact. dtype can be any type but bool. Beyond 2^53, start, end
 * and step can only be integers that a double represents. */
RT_API rt_tensor *rt_arange(double start, double end, double step, rt_dtype dtype);
/* Makes a float32 tensor [n,n] with ones on the diagonal and zeros elsewhere. */
RT_API rt_tensor *rt_eye(int64_t n);

RT_END_DECLS

#endif
