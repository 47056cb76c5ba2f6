/* Order along an axis.
 *
 *     rt_tensor *scores = rt_randn(rt_shape(64, 1000));
 *     rt_topk_results best = rt_topk(scores, 5);
 *     printf("%s\n", rt_describe(best.index));                               // int64[64,5] cpu
 *
 * Lifetime: the current scope owns every result. */
#ifndef RINGTORCH_OPS_SORT_H
#define RINGTORCH_OPS_SORT_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

#define RT_TOPK_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
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

RT_END_DECLS

#endif
