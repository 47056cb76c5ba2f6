/* Ones with a given probability, else zeros. */
#include "worker/engine/autograd/op.h"
#include "worker/engine/base/thread.h"
#include <ringtorch/random.h>

#define BERNOULLI_FIELDS(F)                                                                        \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the result")                                             \
    F(NUMBER, p, RT_NEEDED, RT_WITHIN(0, 1), "probability of 1")
typedef struct RT_DESIGNATED bernoulli_args {
    RT_STRUCT(BERNOULLI_FIELDS)
} bernoulli_args;

static rt_status bernoulli_infer(rt_call *c)
{
    return rt_result(c, 0, ((const bernoulli_args *)c->args)->shape, RT_F32);
}

static rt_status bernoulli_run(rt_call *c)
{
    const bernoulli_args *a = c->args;
    const rt_tensor *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->bernoulli[y->dtype](e, rt__next_stream(), y->numel, a->p, y->data);
    return RT_OK;
}

const rt_op rt__op_bernoulli = {
    .name = "bernoulli",
    .help = "float32, 1 with probability p, else 0",
    RT_ARGS(bernoulli_args, BERNOULLI_FIELDS),
    .infer = bernoulli_infer,
    .run = bernoulli_run,
};

rt_tensor *rt_bernoulli(rt_dims shape, double p)
{
    return rt_apply(&rt__op_bernoulli, &(bernoulli_args){.shape = shape, .p = p});
}
