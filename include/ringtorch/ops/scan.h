/* Running sums, products and extremes along an axis, and differences.
 *
 *     rt_tensor *x = rt_rand(rt_shape(64, 100));
 *     rt_tensor *sums = rt_cumsum(x, 1);                                     // [64,100]
 *     rt_tensor *steps = rt_diff(sums, .axis = 1);                           // [64,99]
 *     rt_cumextreme_results best = rt_cummax(x, 1);
 *     printf("%s\n", rt_describe(best.index));                               // int64[64,100] cpu
 *
 * Names, types and edge cases are PyTorch's.
 *
 * Lifetime: the current scope owns every result. */
#ifndef RINGTORCH_OPS_SCAN_H
#define RINGTORCH_OPS_SCAN_H

#include <ringtorch/ops/reduce.h>

RT_BEGIN_DECLS

#define RT_CUMSUM_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INT, axis, RT_NEEDED, RT_ANY, "the axis")                                                    \
    F(DTYPE, dtype, RT_NO_DTYPE, RT_MAYBE(RT_FROM(0)),                                             \
      "the type of y, to which x is converted first; not given: of x, int64 for integers and "     \
      "bool")
/* The arguments of running sums and products. */
typedef struct rt_cumsum_args {
    RT_STRUCT(RT_CUMSUM_FIELDS)
} rt_cumsum_args;
/* Returns the sums of all elements up to each one along an axis. */
#define rt_cumsum(...) RT_OP_CALL(rt_cumsum_, rt_cumsum_args, RT_CUMSUM_FIELDS, x, __VA_ARGS__)
/* Returns the products of all elements up to each one along an axis. The gradient is right where
 * elements are 0. */
#define rt_cumprod(...) RT_OP_CALL(rt_cumprod_, rt_cumsum_args, RT_CUMSUM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_cumsum_(rt_cumsum_args a);
RT_API rt_tensor *rt_cumprod_(rt_cumsum_args a);
/* Returns log(sum(exp(x))) of all elements up to each one along an axis, without overflow. */
RT_API rt_tensor *rt_logcumsumexp(rt_tensor *x, int axis);

/* The results of rt_cummax and rt_cummin. */
typedef struct rt_cumextreme_results {
    rt_tensor *values, *index; /* index: int64, without gradient */
} rt_cumextreme_results;
/* Returns the maximum of all elements up to each one along an axis, and the index of the last one that
 * is that large, which gets the gradient. NaN counts as the maximum. */
RT_API rt_cumextreme_results rt_cummax(rt_tensor *x, int axis);
/* Returns the minimum of all elements up to each one along an axis, and the index of the last one that
 * is that small, which gets the gradient. NaN counts as the minimum. */
RT_API rt_cumextreme_results rt_cummin(rt_tensor *x, int axis);

#define RT_DIFF_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "one axis or more")                           \
    F(INPUT, prepend, RT_OPTIONAL, RT_PROMOTE | RT_ANY_TYPE, "what comes before x along the axis") \
    F(INPUT, append, RT_OPTIONAL, RT_PROMOTE | RT_ANY_TYPE, "what comes after x along the axis")   \
    F(INT, n, 1, RT_FROM(0), "how often differences are taken")                                    \
    F(INT, axis, -1, RT_WITHIN(-RT_MAX_DIMS, RT_MAX_DIMS - 1), "the axis, which gets shorter by n")
/* The arguments of rt_diff. */
typedef struct rt_diff_args {
    RT_STRUCT(RT_DIFF_FIELDS)
} rt_diff_args;
/* Returns the differences of each element to the one before it along an axis; of bool, whether they are
 * different. */
#define rt_diff(...) RT_OP_CALL(rt_diff_, rt_diff_args, RT_DIFF_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_diff_(rt_diff_args a);

#define RT_TRAPEZOID_FIELDS(F)                                                                     \
    F(INPUT, y, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "one axis or more")                           \
    F(INPUT, x, RT_OPTIONAL, RT_PROMOTE | RT_ANY_TYPE,                                             \
      "the places: as many as y has along the axis, or a shape that broadcasts; not given: dx "    \
      "apart")                                                                                     \
    F(NUMBER, dx, 1, RT_ANY, "the distance of places")                                             \
    F(INT, axis, -1, RT_WITHIN(-RT_MAX_DIMS, RT_MAX_DIMS - 1), "the axis, which is dropped")
/* The arguments of rt_trapezoid. */
typedef struct rt_trapezoid_args {
    RT_STRUCT(RT_TRAPEZOID_FIELDS)
} rt_trapezoid_args;
/* Returns the integral of y along an axis by the trapezoidal rule; of integers as float32. */
#define rt_trapezoid(...)                                                                          \
    RT_OP_CALL(rt_trapezoid_, rt_trapezoid_args, RT_TRAPEZOID_FIELDS, y, __VA_ARGS__)
RT_API rt_tensor *rt_trapezoid_(rt_trapezoid_args a);

RT_END_DECLS

#endif
