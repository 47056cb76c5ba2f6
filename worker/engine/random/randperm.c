/* Random permutations. */
#include "worker/engine/autograd/op.h"
#include "worker/engine/base/thread.h"
#include <ringtorch/random.h>

#define RANDPERM_FIELDS(F) F(INT, n, RT_NEEDED, RT_FROM(0), "how many numbers")
typedef struct RT_DESIGNATED randperm_args {
    RT_STRUCT(RANDPERM_FIELDS)
} randperm_args;

static rt_status randperm_infer(rt_call *c)
{
    return rt_result(c, 0, rt_shape(((const randperm_args *)c->args)->n), RT_I64);
}

static rt_status randperm_run(rt_call *c)
{
    rt_exec *e = rt_exec_of(c);
    e->kernels->randperm(e, rt__next_stream(), c->out[0]->numel, c->out[0]->data);
    return RT_OK;
}

const rt_op rt__op_randperm = {
    .name = "randperm",
    .help = "int64 [n], the numbers from 0 to n - 1 in random order",
    RT_ARGS(randperm_args, RANDPERM_FIELDS),
    .infer = randperm_infer,
    .run = randperm_run,
};

rt_tensor *rt_randperm(int64_t n)
{
    return rt_apply(&rt__op_randperm, &(randperm_args){.n = n});
}
