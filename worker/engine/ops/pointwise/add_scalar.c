/* y = a + s: da = dy. */
#include "worker/engine/ops/pointwise/scalar.h"

static rt_status add_scalar_run(rt_call *c)
{
    return rt__scalar_run(c, &rt_exec_of(c)->kernels->add);
}

static void add_scalar_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = dy[0];
}

const rt_op rt__op_add_scalar = {
    .name = "add_scalar",
    .help = "y = a + s",
    RT_ARGS(rt_scalar_args, RT_SCALAR_FIELDS),
    .infer = rt__scalar_infer,
    .run = add_scalar_run,
    .backward = add_scalar_backward,
};

rt_tensor *rt_add_scalar(rt_tensor *a, double s)
{
    return rt_apply(&rt__op_add_scalar, &(rt_scalar_args){.a = a, .s = s});
}
