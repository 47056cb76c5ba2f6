/* Normally distributed floats. */
#include "worker/engine/autograd/op.h"
#include "worker/engine/base/thread.h"
#include <ringtorch/random.h>

#define NORMAL_FIELDS(F)                                                                           \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the result")                                             \
    F(NUMBER, mean, 0, RT_ANY, "of the distribution")                                              \
    F(NUMBER, std, 1, RT_FROM(0), "its standard deviation")
typedef struct RT_DESIGNATED normal_args {
    RT_STRUCT(NORMAL_FIELDS)
} normal_args;

static rt_status normal_infer(rt_call *c)
{
    return rt_result(c, 0, ((const normal_args *)c->args)->shape, RT_F32);
}

static rt_status normal_run(rt_call *c)
{
    const normal_args *a = c->args;
    const rt_tensor *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->normal[y->dtype](e, rt__next_stream(), y->numel, a->mean, a->std, y->data);
    return RT_OK;
}

const rt_op rt__op_normal = {
    .name = "normal",
    .help = "float32, normal with that mean and standard deviation",
    RT_ARGS(normal_args, NORMAL_FIELDS),
    .infer = normal_infer,
    .run = normal_run,
};

rt_tensor *rt_normal(rt_dims shape, double mean, double std)
{
    return rt_apply(&rt__op_normal, &(normal_args){.shape = shape, .mean = mean, .std = std});
}

rt_tensor *rt_randn(rt_dims shape)
{
    return rt_normal(shape, 0, 1);
}
