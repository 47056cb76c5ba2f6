/* Uniform integers. */
#include "common/base/error.h"
#include "worker/engine/autograd/op.h"
#include "worker/engine/base/thread.h"
#include <ringtorch/random.h>

#define RANDINT_FIELDS(F)                                                                          \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the result")                                             \
    F(INT, low, 0, RT_ANY, "the least")                                                            \
    F(INT, high, RT_NEEDED, RT_ANY, "all lie below it")
typedef struct RT_DESIGNATED randint_args {
    RT_STRUCT(RANDINT_FIELDS)
} randint_args;

static rt_status randint_infer(rt_call *c)
{
    const randint_args *a = c->args;
    if (a->low >= a->high)
        return RT_FAIL(RANGE, "randint: no integer in [%lld, %lld)", (long long)a->low,
                       (long long)a->high);
    return rt_result(c, 0, a->shape, RT_I64);
}

/* The bias of the kernel's numbers, at most range / 2^64, is too small to be observed. */
static rt_status randint_run(rt_call *c)
{
    const randint_args *a = c->args;
    const rt_tensor *y = c->out[0];
    uint64_t range = (uint64_t)a->high - (uint64_t)a->low;
    rt_exec *e = rt_exec_of(c);
    e->kernels->randint[y->dtype](e, rt__next_stream(), y->numel, a->low, range, y->data);
    return RT_OK;
}

const rt_op rt__op_randint = {
    .name = "randint",
    .help = "int64, uniform in [low, high)",
    RT_ARGS(randint_args, RANDINT_FIELDS),
    .infer = randint_infer,
    .run = randint_run,
};

rt_tensor *rt_randint(rt_dims shape, int64_t low, int64_t high)
{
    return rt_apply(&rt__op_randint, &(randint_args){.shape = shape, .low = low, .high = high});
}
