/* y_i = exp(-x_i) / sum_j exp(-x_j) along one axis. */
#include "worker/engine/ops/norm/rows.h"

RT_COMPOSITE(softmin, rt_softmax_args, RT_SOFTMAX_FIELDS,
             "y = exp(-x) / sum of exp(-x) along the axis")
{
    return rt_softmax(rt_neg(a->x), a->axis, a->dtype);
}

rt_tensor *rt_softmin_(rt_softmax_args a)
{
    return rt_apply(&rt__op_softmin, &a);
}
