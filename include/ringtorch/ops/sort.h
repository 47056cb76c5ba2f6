/* Order along an axis, and what is found by it.
 *
 *     rt_tensor *scores = rt_randn(rt_shape(64, 1000));
 *     rt_topk_results best = rt_topk(scores, 5);
 *     printf("%s\n", rt_describe(best.index));                               // int64[64,5] cpu
 *
 * Names, types and edge cases are PyTorch's. NaN is larger than all numbers, -0 equals 0, and equal elements
 * keep their order.
 *
 * Lifetime: the current scope owns every result. */
#ifndef RINGTORCH_OPS_SORT_H
#define RINGTORCH_OPS_SORT_H

#include <ringtorch/ops/reduce.h>

RT_BEGIN_DECLS

#define RT_SORT_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape")                                             \
    F(INT, axis, -1, RT_ANY, "the axis")                                                           \
    F(FLAG, descending, false, RT_ANY, "the largest first")
/* The arguments of rt_sort. */
typedef struct rt_sort_args {
    RT_STRUCT(RT_SORT_FIELDS)
} rt_sort_args;
/* The results of rt_sort. */
typedef struct rt_sort_results {
    rt_tensor *values, *index; /* index: int64, along the axis, without gradient */
} rt_sort_results;
/* Returns the elements in ascending order along an axis, and where they were. Equal elements keep their
 * order, also with descending. */
#define rt_sort(...) RT_OP_CALL(rt_sort_, rt_sort_args, RT_SORT_FIELDS, x, __VA_ARGS__)
/* Returns the index that sorts x along an axis: int64, without gradient. */
#define rt_argsort(...) RT_OP_CALL(rt_argsort_, rt_sort_args, RT_SORT_FIELDS, x, __VA_ARGS__)
RT_API rt_sort_results rt_sort_(rt_sort_args a);
RT_API rt_tensor *rt_argsort_(rt_sort_args a);
/* Returns x sorted along its first axis. */
RT_API rt_tensor *rt_msort(rt_tensor *x);

#define RT_TOPK_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_INTEGERS, "any shape")                                   \
    F(INT, k, RT_NEEDED, RT_ANY, "number of elements; at most the size of the axis")               \
    F(INT, axis, -1, RT_ANY, "the axis, which gets size k")                                        \
    F(FLAG, largest, true, RT_ANY, "false: the smallest elements")                                 \
    F(FLAG, sorted, true, RT_ANY, "the most extreme first; false: in the order of x")
typedef struct rt_topk_args {
    RT_STRUCT(RT_TOPK_FIELDS)
} rt_topk_args;
/* The results of rt_topk. */
typedef struct rt_topk_results {
    rt_tensor *values, *index; /* index: int64, along the axis, without gradient */
} rt_topk_results;
/* Returns the k largest elements along an axis, and their indices. Of equal elements the first is
 * taken; NaN counts as the largest. */
#define rt_topk(...) RT_OP_CALL(rt_topk_, rt_topk_args, RT_TOPK_FIELDS, x, __VA_ARGS__)
RT_API rt_topk_results rt_topk_(rt_topk_args a);

#define RT_KTHVALUE_FIELDS(F)                                                                      \
    F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape")                                             \
    F(INT, k, RT_NEEDED, RT_ANY, "which in ascending order, from 1 to the size of the axis")       \
    F(INT, axis, -1, RT_ANY, "the axis, which is dropped")                                         \
    F(FLAG, keep_dim, false, RT_ANY, "keep the axis, with size 1")
/* The arguments of rt_kthvalue. */
typedef struct rt_kthvalue_args {
    RT_STRUCT(RT_KTHVALUE_FIELDS)
} rt_kthvalue_args;
/* Returns the k-th smallest element along an axis, and its index. */
#define rt_kthvalue(...)                                                                           \
    RT_OP_CALL(rt_kthvalue_, rt_kthvalue_args, RT_KTHVALUE_FIELDS, x, __VA_ARGS__)
/* Returns the lower median along an axis, or of all elements, and its index; NaN if there is one. The
 * gradient goes to the index. The median of no elements is NaN if no axis is given. */
#define rt_median(...) RT_OP_CALL(rt_median_, rt_axis_args, RT_AXIS_FIELDS, x, __VA_ARGS__)
#define RT_MODE_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape")                                             \
    F(INT, axis, -1, RT_ANY, "the axis, which is dropped")                                         \
    F(FLAG, keep_dim, false, RT_ANY, "keep the axis, with size 1")
/* The arguments of rt_mode. */
typedef struct rt_mode_args {
    RT_STRUCT(RT_MODE_FIELDS)
} rt_mode_args;
/* Returns the most frequent element along an axis, of several the smallest, and its last index. NaN equals
 * nothing, not even NaN, so it never wins against a number, unlike in rt_amax and rt_median: the result is
 * NaN only where there is nothing else. */
#define rt_mode(...) RT_OP_CALL(rt_mode_, rt_mode_args, RT_MODE_FIELDS, x, __VA_ARGS__)
RT_API rt_topk_results rt_kthvalue_(rt_kthvalue_args a);
RT_API rt_topk_results rt_median_(rt_axis_args a);
RT_API rt_topk_results rt_mode_(rt_mode_args a);

#define RT_QUANTILE_FIELDS(F)                                                                      \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "any shape, 1 element or more along the axis")  \
    F(INPUT, q, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "[] or [m], from 0 to 1")                       \
    RT_AXIS_VALUES(F)                                                                              \
    F(CHOICE, interpolation, 0, "linear|lower|higher|midpoint|nearest",                            \
      "the value between two elements")
/* The arguments of rt_quantile. */
typedef struct rt_quantile_args {
    RT_STRUCT(RT_QUANTILE_FIELDS)
} rt_quantile_args;
/* How rt_quantile finds a value between two elements. */
typedef enum rt_interpolation {
    RT_LINEAR,
    RT_LOWER,
    RT_HIGHER,
    RT_MIDPOINT,
    RT_NEAREST
} rt_interpolation;
/* Returns the quantiles of the elements along an axis, or of all; NaN where one is NaN. If q has an axis,
 * it comes first: [m, ...]. rt_quantile(x, rt_scalar(0.9)) is a single one. */
#define rt_quantile(...)                                                                           \
    RT_OP_CALL(rt_quantile_, rt_quantile_args, RT_QUANTILE_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_quantile_(rt_quantile_args a);

/* ---- sets and counts ---- */

#define RT_UNIQUE_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape")                                             \
    F(INT, axis, RT_NOT_GIVEN, RT_MAYBE(RT_WITHIN(-RT_MAX_DIMS, RT_MAX_DIMS - 1)),                 \
      "the axis whose slices are compared; not given: elements are")
/* The arguments of rt_unique. */
typedef struct rt_unique_args {
    RT_STRUCT(RT_UNIQUE_FIELDS)
} rt_unique_args;
/* The results of rt_unique. */
typedef struct rt_unique_results {
    /* [m], ascending; with an axis: x with m slices along it, compared from the first element on */
    rt_tensor *values;
    /* int64, of the shape of x, or [n] with an axis: where each is in values */
    rt_tensor *inverse;
    rt_tensor *counts; /* int64 [m]: how often each value occurs */
} rt_unique_results;
/* Returns the distinct elements of x, or slices along an axis. Each NaN is one of its own. No gradient. */
#define rt_unique(...) RT_OP_CALL(rt_unique_, rt_unique_args, RT_UNIQUE_FIELDS, x, __VA_ARGS__)
RT_API rt_unique_results rt_unique_(rt_unique_args a);

#define RT_BINCOUNT_FIELDS(F)                                                                      \
    F(INPUT, x, RT_NEEDED, RT_INTEGERS, "[n], 0 or more")                                          \
    F(INPUT, weights, RT_OPTIONAL, RT_REAL_TYPES, "[n], what each element counts; not given: 1")   \
    F(INT, minlength, 0, RT_FROM(0), "the least number of bins")
/* The arguments of rt_bincount. */
typedef struct rt_bincount_args {
    RT_STRUCT(RT_BINCOUNT_FIELDS)
} rt_bincount_args;
/* Returns how often each of 0, 1, ... occurs, up to the largest: int64 [m]. With weights: the sums of
 * the weights, float32 if they are, else float64. No gradient. */
#define rt_bincount(...)                                                                           \
    RT_OP_CALL(rt_bincount_, rt_bincount_args, RT_BINCOUNT_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_bincount_(rt_bincount_args a);

#define RT_HISTC_FIELDS(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(INT, bins, 100, RT_FROM(1), "the number of bins")                                            \
    F(NUMBER, low, 0, RT_ANY, "where the first bin begins")                                        \
    F(NUMBER, high, 0, RT_ANY, "where the last bin ends; if it is low, both are the extremes of x")
/* The arguments of rt_histc. */
typedef struct rt_histc_args {
    RT_STRUCT(RT_HISTC_FIELDS)
} rt_histc_args;
/* Returns how many elements lie in each of the bins of equal width: [bins], of the type of x. The last
 * bin includes its end; elements outside and NaN are not counted. No gradient. */
#define rt_histc(...) RT_OP_CALL(rt_histc_, rt_histc_args, RT_HISTC_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_histc_(rt_histc_args a);

RT_END_DECLS

#endif
