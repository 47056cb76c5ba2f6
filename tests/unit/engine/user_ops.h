/* Operations as a user would write them, for the tests of <ringtorch/op.h>. */
#ifndef RINGTORCH_TESTS_UNIT_ENGINE_USER_OPS_H
#define RINGTORCH_TESTS_UNIT_ENGINE_USER_OPS_H

#include "check.h"
#include <ringtorch/op.h>

/* The example of the header: y = x * s. */
#define SCALED_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_TYPE(F32), "any shape")                                              \
    F(NUMBER, s, 1, RT_ANY, "the factor")
typedef struct scaled_args {
    RT_STRUCT(SCALED_FIELDS)
} scaled_args;

static inline rt_status scaled_infer(rt_call *c)
{
    return rt_result_like(c, 0, c->in[0]);
}

static inline rt_status scaled_run(rt_call *c)
{
    const scaled_args *a = c->args;
    for (int64_t i = 0; i < rt_numel(c->out[0]); i++)
        rt_f32(c->out[0])[i] = rt_f32(c->in[0])[i] * (float)a->s;
    return RT_OK;
}

static inline void scaled_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_mul_scalar(dy[0], ((const scaled_args *)c->args)->s);
}

static const rt_op scaled_op = {
    .name = "scaled",
    .help = "y = x * s",
    RT_ARGS(scaled_args, SCALED_FIELDS),
    .infer = scaled_infer,
    .run = scaled_run,
    .backward = scaled_backward,
};

#endif
