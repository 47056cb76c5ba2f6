/* Random tensors. Values depend on (seed, step, slice, module, stream, element) only. */
#include <ringtorch/random.h>
#include <float.h>
#include <math.h>
#include "common/error.h"
#include "worker/engine/autograd/op.h"
#include "worker/engine/base/thread.h"

/* Odd, so that all keys differ, and not the number that rt__philox_key has for the upper half of an element. */
static const uint64_t KEY_OF_STEPS = 0xD1B54A32D192ED03;

void rt_random_seek(uint64_t seed, uint64_t step, uint32_t slice)
{
    rt__streams_seek((rt_rng){
        .seed = seed ^ (step >> 32) * KEY_OF_STEPS, .step = (uint32_t)step, .slice = slice});
}

/* ---- uniform ---- */

#define UNIFORM_FIELDS(F)                                                                          \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the result")                                             \
    F(NUMBER, low, 0, RT_ANY, "the least, finite")                                                 \
    F(NUMBER, high, 1, RT_ANY, "all lie below it, finite")
typedef struct uniform_args {
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
    return rt_apply(&rt__op_uniform, &(uniform_args){shape, low, high});
}

rt_tensor *rt_rand(rt_dims shape)
{
    return rt_uniform(shape, 0, 1);
}

/* ---- normal ---- */

#define NORMAL_FIELDS(F)                                                                           \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the result")                                             \
    F(NUMBER, mean, 0, RT_ANY, "of the distribution")                                              \
    F(NUMBER, std, 1, RT_FROM(0), "its standard deviation")
typedef struct normal_args {
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
    return rt_apply(&rt__op_normal, &(normal_args){shape, mean, std});
}

rt_tensor *rt_randn(rt_dims shape)
{
    return rt_normal(shape, 0, 1);
}

/* ---- bernoulli ---- */

#define BERNOULLI_FIELDS(F)                                                                        \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the result")                                             \
    F(NUMBER, p, RT_NEEDED, RT_WITHIN(0, 1), "probability of 1")
typedef struct bernoulli_args {
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
    return rt_apply(&rt__op_bernoulli, &(bernoulli_args){shape, p});
}

/* ---- randint ---- */

#define RANDINT_FIELDS(F)                                                                          \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the result")                                             \
    F(INT, low, 0, RT_ANY, "the least")                                                            \
    F(INT, high, RT_NEEDED, RT_ANY, "all lie below it")
typedef struct randint_args {
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

/* The bias of the kernel's numbers, at most range / 2^64, cannot be seen. */
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
    return rt_apply(&rt__op_randint, &(randint_args){shape, low, high});
}
