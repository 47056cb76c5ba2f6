/* Checks and reduction that losses share. */
#include "worker/engine/ops/loss/loss.h"

#include "common/base/error.h"

rt_status rt__loss_same_shape(const rt_call *c)
{
    if (rt__dims_equal(c->in[0]->dims, c->in[1]->dims))
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: %s and target %s, expected one shape", c->op->name,
                   rt_describe(c->in[0]), rt_describe(c->in[1]));
}

rt_tensor *rt__loss_reduced(rt_tensor *losses, int reduction)
{
    return reduction == RT_NONE ? losses : reduction == RT_SUM ? rt_sum(losses) : rt_mean(losses);
}
