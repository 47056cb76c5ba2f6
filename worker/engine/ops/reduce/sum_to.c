/* Sums back to a shape that was broadcast. */
#include "worker/engine/ops/ops.h"

rt_tensor *rt__sum_to(rt_tensor *x, rt_dims dims)
{
    if (!x || rt__dims_equal(x->dims, dims))
        return x;
    rt_reduce_args a = {x};
    int lead = x->dims.n - dims.n;
    for (int i = 0; i < x->dims.n; i++)
        if (i < lead || (dims.d[i - lead] == 1 && x->dims.d[i] != 1))
            a.axes.d[a.axes.n++] = i;
    return rt_reshape(a.axes.n ? rt_sum_(a) : x, dims);
}
