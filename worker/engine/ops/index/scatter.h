/* What operations that scatter along an axis share: y = x with src[..i..] joined to y[..index[..i..]..].
 *
 *     .infer = rt__scatter_infer
 *     return rt__scatter_along(c, RT_JOIN_ADD);                       // run
 *     dx[2] = rt__scatter_padded(c, rt__scatter_gathered(c, dy[0]));  // backward */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_INDEX_SCATTER_H
#define RINGTORCH_WORKER_ENGINE_OPS_INDEX_SCATTER_H

#include "worker/engine/ops/index/index.h"

#define RT_SCATTER_FIELDS(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "any shape")                                     \
    F(INPUT, index, RT_NEEDED, RT_INTEGERS, "as many axes, none but `axis` longer than x's")       \
    F(INPUT, src, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "as many axes, none shorter than the index's") \
    F(INT, axis, 0, RT_ANY, "the axis that the index counts along")
typedef struct RT_DESIGNATED rt_scatter_args {
    RT_STRUCT(RT_SCATTER_FIELDS)
} rt_scatter_args;

rt_status rt__scatter_infer(rt_call *c);
/* Run of operations with rt__scatter_infer. */
rt_status rt__scatter_along(rt_call *c, rt_join join);

/* Returns the axis, counted from 0. */
static inline int rt__scatter_axis(const rt_call *c)
{
    return ((const rt_index_plan *)c->plan)->axis;
}
/* Returns src, or its first elements if it is longer than the index. */
rt_tensor *rt__scatter_part(rt_tensor *src, const rt_tensor *index);
/* Backward: returns the elements of x at the index. */
rt_tensor *rt__scatter_gathered(const rt_call *c, rt_tensor *x);
/* Backward: returns the gradient of src: g, and zeros for the elements that were not used. */
rt_tensor *rt__scatter_padded(const rt_call *c, rt_tensor *g);

#endif
