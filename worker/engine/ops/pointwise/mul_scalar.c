/* y = a * s: da = dy * s. */
#include "worker/engine/ops/pointwise/scalar.h"

static rt_status mul_scalar_run(rt_call *c)
{
    return rt__scalar_run(c, &rt_exec_of(c)->kernels->mul);
}

static void mul_scalar_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_mul_scalar(dy[0], ((const rt_scalar_args *)c->args)->s);
}

const rt_op rt__op_mul_scalar = {
    .name = "mul_scalar",
    .help = "y = a * s",
    RT_ARGS(rt_scalar_args, RT_SCALAR_FIELDS),
    .infer = rt__scalar_infer,
    .run = mul_scalar_run,
    .backward = mul_scalar_backward,
};

rt_tensor *rt_mul_scalar(rt_tensor *a, double s)
{
    return rt_apply(&rt__op_mul_scalar, &(rt_scalar_args){.a = a, .s = s});
}
