/* Plans for indexing along an axis. */
#include "worker/engine/ops/index/index.h"

#include <string.h>

static rt_dims with_an_axis(rt_dims d)
{
    return d.n > 0 ? d : rt_shape(1);
}

rt_status rt__index_plan(rt_call *c, rt_dims index, rt_dims dims, int64_t given)
{
    rt_index_plan *p = c->plan;
    int axis = rt__axis_or_scalar(c->op->name, given, dims.n);
    if (axis < 0)
        return rt_error_code();
    *p = (rt_index_plan){axis, with_an_axis(index), with_an_axis(dims)};
    bool fits = p->index.n == p->dims.n;
    for (int i = 0; i < p->dims.n && fits; i++)
        fits = i == axis || p->index.d[i] <= p->dims.d[i];
    if (fits)
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: index %s does not fit %s along axis %d", c->op->name,
                   rt_dims_text(index), rt_dims_text(dims), axis);
}

rt_pick rt__index_pick(const rt_index_plan *p, rt_dtype dtype)
{
    int axis = p->axis, n = p->dims.n;
    rt_pick k = {.bytes = rt_dtype_size(dtype), .size = p->dims.d[axis], .nd = n};
    rt__dims_strides(p->dims, k.stride);
    rt__dims_strides(p->index, k.at);
    k.step = k.stride[axis];
    k.stride[axis] = 0;
    memcpy(k.dim, p->index.d, (size_t)n * sizeof *k.dim);
    return k;
}
