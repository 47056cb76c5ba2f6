/* Uniform floats. */
#include "common/base/error.h"
#include "worker/engine/autograd/op.h"
#include "worker/engine/base/thread.h"
#include <float.h>
#include <math.h>
#include <ringtorch/random.h>

#define UNIFORM_FIELDS(F)                                                                          \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the result")                                             \
    F(NUMBER, low, 0, RT_ANY, "the least, finite")                                                 \
    F(NUMBER, high, 1, RT_ANY, "all lie below it, finite")
typedef struct RT_DESIGNATED uniform_args {
    RT_STRUCT(UNIFORM_FIELDS)
} uniform_args;

static rt_status uniform_infer(rt_call *c)
{
    const uniform_args *a = c->args;
    if (!(a->low <= a->high && fabs(a->low) <= FLT_MAX && fabs(a->high) <= FLT_MAX))
        return RT_FAIL(RANGE, "uniform: range [%g, %g), expected finite ends, the lower first",
                       a->low, a->high);
    return rt_result(c, 0, a->shape, RT_F32);
}

static rt_status uniform_run(rt_call *c)
{
    const uniform_args *a = c->args;
    const rt_tensor *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->uniform[y->dtype](e, rt__next_stream(), y->numel, a->low, a->high, y->data);
    return RT_OK;
}

const rt_op rt__op_uniform = {
    .name = "uniform",
    .help = "float32, uniform in [low, high)",
    RT_ARGS(uniform_args, UNIFORM_FIELDS),
    .infer = uniform_infer,
    .run = uniform_run,
};

rt_tensor *rt_uniform(rt_dims shape, double low, double high)
{
    return rt_apply(&rt__op_uniform, &(uniform_args){.shape = shape, .low = low, .high = high});
}

rt_tensor *rt_rand(rt_dims shape)
{
    return rt_uniform(shape, 0, 1);
}
