/* y = a ^ s: da = dy * s * a ^ (s - 1), which is 0 for s = 0 whatever a is. */
#include "worker/engine/ops/pointwise/scalar.h"

#include "common/base/error.h"

static rt_status pow_scalar_infer(rt_call *c)
{
    RT_TRY(rt__scalar_infer(c));
    const rt_spec *y = &c->spec[0];
    double s = ((const rt_scalar_args *)c->args)->s;
    if (!rt__dtype_is_whole(y->dtype) || s >= 0)
        return RT_OK;
    return RT_FAIL(
        RANGE, "pow_scalar: %s to the power of %.15g, which is no integer: convert it with rt_to",
        rt_describe(c->in[0]), s);
}

static rt_status pow_scalar_run(rt_call *c)
{
    return rt__scalar_run(c, &rt_exec_of(c)->kernels->pow);
}

static void pow_scalar_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    double s = ((const rt_scalar_args *)c->args)->s;
    dx[0] = s == 0 ? rt_zeros_like(dy[0])
                   : rt_mul(dy[0], rt_conj(rt_mul_scalar(rt_pow_scalar(c->in[0], s - 1), s)));
}

const rt_op rt__op_pow_scalar = {
    .name = "pow_scalar",
    .help = "y = a to the s",
    RT_ARGS(rt_scalar_args, RT_SCALAR_FIELDS),
    .infer = pow_scalar_infer,
    .run = pow_scalar_run,
    .backward = pow_scalar_backward,
    .saves_in = 1 << 0,
};

rt_tensor *rt_pow_scalar(rt_tensor *a, double s)
{
    return rt_apply(&rt__op_pow_scalar, &(rt_scalar_args){.a = a, .s = s});
}
