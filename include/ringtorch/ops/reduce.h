/* Reductions over a set of axes; over all axes if none are given. The order of summation is fixed
 * (docs/NUMERICS.md) and does not depend on the number of threads.
 *
 *     rt_tensor *x = rt_randn(rt_shape(64, 10));
 *     rt_tensor *total = rt_sum(x);                                          // []
 *     rt_tensor *rows = rt_amax(x, rt_shape(-1), .keep_dim = true);          // [64,1]
 *     rt_tensor *spread = rt_var_mean(x, rt_shape(0)).var;                   // [10]
 *
 * They take floats. rt_sum also takes integers and bool, and adds them as int64; rt_amax and rt_amin also
 * take integers. An empty sum is 0 and an empty mean is NaN.
 *
 * Lifetime: the current scope owns every result. */
#ifndef RINGTORCH_OPS_REDUCE_H
#define RINGTORCH_OPS_REDUCE_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

#define RT_REDUCE_VALUES(F)                                                                        \
    F(DIMS, axes, RT_EMPTY, RT_ANY, "the axes, such as rt_shape(0, 2); none: all")                 \
    F(FLAG, keep_dim, false, RT_ANY, "keep the axes, with size 1")
#define RT_REDUCE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape") RT_REDUCE_VALUES(F)
/* The arguments of reductions. */
typedef struct rt_reduce_args {
    RT_STRUCT(RT_REDUCE_FIELDS)
} rt_reduce_args;
/* Returns the sum over the axes. */
#define rt_sum(...) RT_CALL(rt_sum_, rt_reduce_args, x, __VA_ARGS__)
/* Returns the mean over the axes, of floats. */
#define rt_mean(...) RT_CALL(rt_mean_, rt_reduce_args, x, __VA_ARGS__)
/* Returns the maximum over the axes. NaN counts as the maximum, and elements that are equally
 * large share the gradient. Fails if there are no elements. */
#define rt_amax(...) RT_CALL(rt_amax_, rt_reduce_args, x, __VA_ARGS__)
/* Returns the minimum over the axes. NaN counts as the minimum, and elements that are equally
 * small share the gradient. Fails if there are no elements. */
#define rt_amin(...) RT_CALL(rt_amin_, rt_reduce_args, x, __VA_ARGS__)
RT_API rt_tensor *rt_sum_(rt_reduce_args a);
RT_API rt_tensor *rt_mean_(rt_reduce_args a);
RT_API rt_tensor *rt_amax_(rt_reduce_args a);
RT_API rt_tensor *rt_amin_(rt_reduce_args a);
/* Returns the int64 index of the first maximum along an axis, which is dropped. Has no gradient. */
RT_API rt_tensor *rt_argmax(rt_tensor *x, int axis);
#define RT_VAR_MEAN_FIELDS(F)                                                                      \
    RT_REDUCE_FIELDS(F)                                                                            \
    F(NUMBER, correction, 1, RT_FROM(0),                                                           \
      "subtracted from the number of elements; 0: no bias correction")
typedef struct rt_var_mean_args {
    RT_STRUCT(RT_VAR_MEAN_FIELDS)
} rt_var_mean_args;
/* The results of rt_var_mean. */
typedef struct rt_var_mean_results {
    rt_tensor *var, *mean; /* of the shape that rt_sum would have */
} rt_var_mean_results;
/* Returns variance and mean over the axes. The variance is the sum of (x - mean)^2 divided by the
 * number of elements minus the correction. It is NaN or infinite if the number of elements is not
 * greater than the correction. */
#define rt_var_mean(...)                                                                           \
    RT_OP_CALL(rt_var_mean_, rt_var_mean_args, RT_VAR_MEAN_FIELDS, x, __VA_ARGS__)
RT_API rt_var_mean_results rt_var_mean_(rt_var_mean_args a);

RT_END_DECLS

#endif
