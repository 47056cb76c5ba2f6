/* Writes a part of a tensor. */
#include "worker/engine/ops/views/part.h"

rt_status rt__copy_to_part(rt_tensor *y, const rt_tensor *x, int axis, int64_t start, int64_t step)
{
    if (x->numel == 0)
        return RT_OK;
    int64_t stride[RT_MAX_DIMS];
    for (int i = 0; i < y->dims.n; i++)
        stride[i] = y->stride[i];
    stride[axis] = rt__step_over(stride[axis], step);
    rt_tensor *part = rt__tensor_view(y, x->dims, stride, start * y->stride[axis]);
    if (!part)
        return rt_error_code();
    rt__copy(part, x);
    return RT_OK;
}
