/* Reductions over a set of axes; over all axes if none are given. The order of summation is fixed
 * (docs/NUMERICS.md) and does not depend on the number of threads.
 *
 *     rt_tensor *x = rt_randn(rt_shape(64, 10));
 *     rt_tensor *total = rt_sum(x);                                          // []
 *     rt_tensor *rows = rt_amax(x, rt_shape(-1), .keep_dim = true);          // [64,1]
 *     rt_tensor *spread = rt_var_mean(x, rt_shape(0)).var;                   // [10]
 *
 * Names, types and edge cases are PyTorch's. An empty sum is 0, an empty product 1, and an empty mean NaN;
 * an empty extreme fails.
 *
 * Lifetime: the current scope owns every result. */
#ifndef RINGTORCH_OPS_REDUCE_H
#define RINGTORCH_OPS_REDUCE_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

/* ---- over a set of axes ---- */

/* The types of real numbers, and bool. */
#define RT_REAL_TYPES (RT_FLOATS | RT_INTEGERS | RT_TYPE(BOOL))
#define RT_REDUCE_VALUES(F)                                                                        \
    F(DIMS, axes, RT_EMPTY, RT_ANY, "the axes, such as rt_shape(0, 2); none: all")                 \
    F(FLAG, keep_dim, false, RT_ANY, "keep the axes, with size 1")
#define RT_REDUCE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape") RT_REDUCE_VALUES(F)
/* The arguments of reductions. rt_all, rt_any and rt_count_nonzero take all types, rt_logsumexp too; rt_amax
 * and rt_amin take all but complex numbers. */
typedef struct rt_reduce_args {
    RT_STRUCT(RT_REDUCE_FIELDS)
} rt_reduce_args;
#define RT_SUM_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape") RT_SUM_VALUES(F)
#define RT_SUM_VALUES(F)                                                                           \
    RT_REDUCE_VALUES(F)                                                                            \
    F(DTYPE, dtype, RT_NO_DTYPE, RT_MAYBE(RT_FROM(0)),                                             \
      "the type of y, to which x is converted first; not given: of x, int64 for integers and "     \
      "bool")
/* The arguments of sums, with the type of the result. */
typedef struct rt_sum_args {
    RT_STRUCT(RT_SUM_FIELDS)
} rt_sum_args;
/* Returns the sum over the axes, also of complex numbers. */
#define rt_sum(...) RT_OP_CALL(rt_sum_, rt_sum_args, RT_SUM_FIELDS, x, __VA_ARGS__)
/* Returns the mean over the axes, of floats or complex numbers; of integers only if dtype is a float type. */
#define rt_mean(...) RT_OP_CALL(rt_mean_, rt_sum_args, RT_SUM_FIELDS, x, __VA_ARGS__)
/* Returns the sum over the axes, with 0 in the place of NaN. */
#define rt_nansum(...) RT_OP_CALL(rt_nansum_, rt_sum_args, RT_SUM_FIELDS, x, __VA_ARGS__)
/* Returns the mean over the axes of the elements that are not NaN; NaN if there are none. Floats only,
 * as rt_mean. */
#define rt_nanmean(...) RT_OP_CALL(rt_nanmean_, rt_sum_args, RT_SUM_FIELDS, x, __VA_ARGS__)
/* Returns the maximum over the axes. NaN counts as the maximum, and elements that are equally
 * large share the gradient. Fails if there are no elements. */
#define rt_amax(...) RT_CALL(rt_amax_, rt_reduce_args, x, __VA_ARGS__)
/* Returns the minimum over the axes. NaN counts as the minimum, and elements that are equally
 * small share the gradient. Fails if there are no elements. */
#define rt_amin(...) RT_CALL(rt_amin_, rt_reduce_args, x, __VA_ARGS__)
/* Returns whether all elements over the axes are different from 0, which NaN is: bool, but uint8 for
 * uint8. True if there are none. */
#define rt_all(...) RT_CALL(rt_all_, rt_reduce_args, x, __VA_ARGS__)
/* Returns whether an element over the axes is different from 0, which NaN is: bool, but uint8 for
 * uint8. False if there are none. */
#define rt_any(...) RT_CALL(rt_any_, rt_reduce_args, x, __VA_ARGS__)
/* Returns how many elements over the axes are different from 0: int64. */
#define rt_count_nonzero(...) RT_CALL(rt_count_nonzero_, rt_reduce_args, x, __VA_ARGS__)
/* Returns log(sum(exp(x))) over the axes without overflow; -infinity if there are no elements. Integers
 * are taken as float32. */
#define rt_logsumexp(...) RT_CALL(rt_logsumexp_, rt_reduce_args, x, __VA_ARGS__)
RT_API rt_tensor *rt_sum_(rt_sum_args a);
RT_API rt_tensor *rt_mean_(rt_sum_args a);
RT_API rt_tensor *rt_nansum_(rt_sum_args a);
RT_API rt_tensor *rt_nanmean_(rt_sum_args a);
RT_API rt_tensor *rt_amax_(rt_reduce_args a);
RT_API rt_tensor *rt_amin_(rt_reduce_args a);
RT_API rt_tensor *rt_all_(rt_reduce_args a);
RT_API rt_tensor *rt_any_(rt_reduce_args a);
RT_API rt_tensor *rt_count_nonzero_(rt_reduce_args a);
RT_API rt_tensor *rt_logsumexp_(rt_reduce_args a);
#define RT_NORM_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_COMPLEX, "any shape")                                    \
    F(NUMBER, p, 2, RT_ANY, "the order; from 1e300 or -1e300 on it is infinite")                   \
    RT_REDUCE_VALUES(F)
/* The arguments of rt_norm. */
typedef struct rt_norm_args {
    RT_STRUCT(RT_NORM_FIELDS)
} rt_norm_args;
/* Returns the norm of order p over the axes, sum(|x|^p)^(1/p): for p = 0 the number of elements that are
 * not 0, for p = infinity the largest |x|, for p = -infinity the smallest. The Frobenius norm of matrices
 * is that of order 2 over their axes. The gradient is 0 where the norm or the element is 0. */
#define rt_norm(...) RT_OP_CALL(rt_norm_, rt_norm_args, RT_NORM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_norm_(rt_norm_args a);
#define RT_VAR_MEAN_FIELDS(F)                                                                      \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_COMPLEX, "any shape") RT_VAR_MEAN_VALUES(F)
#define RT_VAR_MEAN_VALUES(F)                                                                      \
    RT_REDUCE_VALUES(F)                                                                            \
    F(NUMBER, correction, 1, RT_ANY,                                                               \
      "subtracted from the number of elements; 0: no bias correction")
/* The arguments of variances. */
typedef struct rt_var_mean_args {
    RT_STRUCT(RT_VAR_MEAN_FIELDS)
} rt_var_mean_args;
/* The results of rt_var_mean. */
typedef struct rt_var_mean_results {
    rt_tensor *var, *mean; /* of the shape that rt_sum would have */
} rt_var_mean_results;
/* Returns variance and mean over the axes. The variance is the sum of |x - mean|^2 divided by the
 * number of elements minus the correction, real for complex numbers, too. It is NaN or infinite if the
 * number of elements is not greater than the correction. */
#define rt_var_mean(...)                                                                           \
    RT_OP_CALL(rt_var_mean_, rt_var_mean_args, RT_VAR_MEAN_FIELDS, x, __VA_ARGS__)
RT_API rt_var_mean_results rt_var_mean_(rt_var_mean_args a);
/* Returns the variance over the axes, as rt_var_mean does. */
#define rt_var(...) RT_OP_CALL(rt_var_, rt_var_mean_args, RT_VAR_MEAN_FIELDS, x, __VA_ARGS__)
/* Returns the square root of the variance. Its gradient is 0 where it is 0. */
#define rt_std(...) RT_OP_CALL(rt_std_, rt_var_mean_args, RT_VAR_MEAN_FIELDS, x, __VA_ARGS__)
/* The results of rt_std_mean. */
typedef struct rt_std_mean_results {
    rt_tensor *std, *mean; /* of the shape that rt_sum would have */
} rt_std_mean_results;
/* Returns the square root of the variance, and the mean. */
#define rt_std_mean(...)                                                                           \
    RT_OP_CALL(rt_std_mean_, rt_var_mean_args, RT_VAR_MEAN_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_var_(rt_var_mean_args a);
RT_API rt_tensor *rt_std_(rt_var_mean_args a);
RT_API rt_std_mean_results rt_std_mean_(rt_var_mean_args a);

/* ---- over one axis, or all elements ---- */

#define RT_AXIS_VALUES(F)                                                                          \
    F(INT, axis, RT_NOT_GIVEN, RT_MAYBE(RT_WITHIN(-RT_MAX_DIMS, RT_MAX_DIMS - 1)),                 \
      "the axis, which is dropped; not given: all elements, as one row")                           \
    F(FLAG, keep_dim, false, RT_ANY, "keep the axis, or all of them, with size 1")
#define RT_AXIS_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape") RT_AXIS_VALUES(F)
/* The arguments of reductions along one axis. */
typedef struct rt_axis_args {
    RT_STRUCT(RT_AXIS_FIELDS)
} rt_axis_args;
/* Returns the int64 index of the first maximum along an axis, or in x as one row. NaN counts as the
 * maximum. Fails if there are no elements. Has no gradient. */
#define rt_argmax(...) RT_OP_CALL(rt_argmax_, rt_axis_args, RT_AXIS_FIELDS, x, __VA_ARGS__)
/* Returns the int64 index of the first minimum along an axis, or in x as one row. NaN counts as the
 * minimum. Fails if there are no elements. Has no gradient. */
#define rt_argmin(...) RT_OP_CALL(rt_argmin_, rt_axis_args, RT_AXIS_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_argmax_(rt_axis_args a);
RT_API rt_tensor *rt_argmin_(rt_axis_args a);
/* The results of rt_max and rt_min. */
typedef struct rt_extreme_results {
    rt_tensor *values, *index; /* index: int64, as rt_argmax gives it, without gradient */
} rt_extreme_results;
/* Returns the maximum along an axis, whose gradient goes to its index, and that index. Without an axis:
 * of all elements, and those that are equally large share the gradient, as with rt_amax, which is
 * faster where only the value is wanted. */
#define rt_max(...) RT_OP_CALL(rt_max_, rt_axis_args, RT_AXIS_FIELDS, x, __VA_ARGS__)
/* Returns the minimum along an axis, or of all elements, and its index; otherwise like rt_max. */
#define rt_min(...) RT_OP_CALL(rt_min_, rt_axis_args, RT_AXIS_FIELDS, x, __VA_ARGS__)
RT_API rt_extreme_results rt_max_(rt_axis_args a);
RT_API rt_extreme_results rt_min_(rt_axis_args a);
/* The results of rt_aminmax. */
typedef struct rt_aminmax_results {
    rt_tensor *min, *max; /* of one shape, as rt_amin gives it */
} rt_aminmax_results;
/* Returns minimum and maximum along an axis, or of all elements, as rt_amin and rt_amax do. */
#define rt_aminmax(...) RT_OP_CALL(rt_aminmax_, rt_axis_args, RT_AXIS_FIELDS, x, __VA_ARGS__)
RT_API rt_aminmax_results rt_aminmax_(rt_axis_args a);
#define RT_PROD_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    RT_AXIS_VALUES(F)                                                                              \
    F(DTYPE, dtype, RT_NO_DTYPE, RT_MAYBE(RT_FROM(0)),                                             \
      "the type of y, to which x is converted first; not given: of x, int64 for integers and "     \
      "bool")
/* The arguments of rt_prod. */
typedef struct rt_prod_args {
    RT_STRUCT(RT_PROD_FIELDS)
} rt_prod_args;
/* Returns the product along an axis, or of all elements. The gradient is right where elements are 0. */
#define rt_prod(...) RT_OP_CALL(rt_prod_, rt_prod_args, RT_PROD_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_prod_(rt_prod_args a);

RT_END_DECLS

#endif
