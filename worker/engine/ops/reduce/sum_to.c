/* Sums back to a shape that was broadcast. */
#include "worker/engine/ops/ops.h"

rt_tensor *rt__sum_to(rt_tensor *x, rt_dims dims)
{
    if (!x || rt__dims_equal(x->dims, dims))
        return x;
    rt_dims axes = {0};
    int lead = x->dims.n - dims.n;
    for (int i = 0; i < x->dims.n; i++)
        if (i < lead || (dims.d[i - lead] == 1 && x->dims.d[i] != 1))
            axes.d[axes.n++] = i;
    return rt_reshape(axes.n ? rt_sum(x, axes) : x, dims);
}
