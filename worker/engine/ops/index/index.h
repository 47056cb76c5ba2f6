/* What operations that select by an index share.
 *
 *     RT_TRY(rt__index_plan(c, index->dims, x->dims, axis));                        // infer
 *     rt_pick pick = rt__index_pick(c->plan, x->dtype);                             // run
 *     e->kernels->gather(e, &pick, x->data, index->data, y->data);
 *     return rt__index_error(c); */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_INDEX_INDEX_H
#define RINGTORCH_WORKER_ENGINE_OPS_INDEX_INDEX_H

#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

/* The plan of an operation whose index counts along an axis. */
typedef struct rt_index_plan {
    int axis; /* counted from 0 */
    rt_dims index,
        dims; /* of the index and of what it points into; a scalar passes for one element along one axis */
} rt_index_plan;

/* Infer: makes the plan; fails unless an index of that shape can index a tensor of shape dims along the axis. */
rt_status rt__index_plan(rt_call *c, rt_dims index, rt_dims dims, int64_t axis);
/* Run: returns the kernel's description of a plan, for elements of that type. */
rt_pick rt__index_pick(const rt_index_plan *p, rt_dtype dtype);

/* Fails, naming the operation, if the kernel met an index out of range. */
static inline rt_status rt__index_error(const rt_call *c)
{
    return rt_failed() ? rt_error_prefix("%s", c->op->name) : RT_OK;
}

#endif
