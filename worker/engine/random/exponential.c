/* Exponentially distributed floats, by inversion: -log(u) / rate. */
#include "worker/engine/random/attempts.h"
#include <ringtorch/random.h>

#define EXPONENTIAL_FIELDS(F)                                                                      \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the result")                                             \
    F(NUMBER, rate, 1, RT_FROM(0x1p-126), "1 / mean")
typedef struct RT_DESIGNATED exponential_args {
    RT_STRUCT(EXPONENTIAL_FIELDS)
} exponential_args;

static rt_status exponential_infer(rt_call *c)
{
    return rt_result(c, 0, ((const exponential_args *)c->args)->shape, RT_F32);
}

/* u is in (0, 1] in steps of 2^-24; where it is 1 half a step stands for log(u), because 0 is no such number. */
static rt_status exponential_run(rt_call *c)
{
    const exponential_args *a = c->args;
    rt_tensor *u = rt__uniform_of(rt__next_stream(), a->shape);
    rt_tensor *y = rt_mul_scalar(rt_clamp(rt_neg(rt_log(u)), .low = 0x1p-25), 1 / a->rate);
    return y ? rt__copy_into(c->out[0], y) : rt_error_code();
}

const rt_op rt__op_exponential = {
    .name = "exponential",
    .help = "float32, more than 0, exponential with that rate",
    RT_ARGS(exponential_args, EXPONENTIAL_FIELDS),
    .infer = exponential_infer,
    .run = exponential_run,
};

rt_tensor *rt_exponential(rt_dims shape, double rate)
{
    return rt_apply(&rt__op_exponential, &(exponential_args){.shape = shape, .rate = rate});
}
