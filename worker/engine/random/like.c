/* Random tensors of the shape and type of another one. */
#include "worker/engine/ops/ops.h"
#include <ringtorch/random.h>

#define LIKE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "whose shape and type are taken")
typedef struct RT_DESIGNATED like_args {
    RT_STRUCT(LIKE_FIELDS)
} like_args;

/* Rounds down to as many bits as a 16-bit type has below 1: to the nearest, the largest numbers would become 1. */
static rt_tensor *rounded_down(rt_tensor *u, double step)
{
    return rt_mul_scalar(rt_floor(rt_mul_scalar(u, 1 / step)), step);
}

RT_COMPOSITE(rand_like, like_args, LIKE_FIELDS, "uniform in [0, 1)", .derivatives = RT_CONSTANT)
{
    rt_tensor *u = rt_rand(a->x->dims);
    if (a->x->dtype == RT_BF16)
        u = rounded_down(u, 0x1p-8);
    else if (a->x->dtype == RT_F16)
        u = rounded_down(u, 0x1p-11);
    return rt_to(u, a->x->dtype);
}

rt_tensor *rt_rand_like(rt_tensor *x)
{
    return rt_apply(&rt__op_rand_like, &(like_args){.x = x});
}

RT_COMPOSITE(randn_like, like_args, LIKE_FIELDS, "standard normal", .derivatives = RT_CONSTANT)
{
    return rt_to(rt_randn(a->x->dims), a->x->dtype);
}

rt_tensor *rt_randn_like(rt_tensor *x)
{
    return rt_apply(&rt__op_randn_like, &(like_args){.x = x});
}

#define RANDINT_LIKE_FIELDS(F)                                                                     \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "whose shape and type are taken")                          \
    F(INT, low, 0, RT_ANY, "the least")                                                            \
    F(INT, high, RT_NEEDED, RT_ANY, "all lie below it")
typedef struct RT_DESIGNATED randint_like_args {
    RT_STRUCT(RANDINT_LIKE_FIELDS)
} randint_like_args;

RT_COMPOSITE(randint_like, randint_like_args, RANDINT_LIKE_FIELDS,
             "integers uniform in [low, high), converted to the type of x",
             .derivatives = RT_CONSTANT)
{
    return rt_to(rt_randint(a->x->dims, a->low, a->high), a->x->dtype);
}

rt_tensor *rt_randint_like(rt_tensor *x, int64_t low, int64_t high)
{
    return rt_apply(&rt__op_randint_like, &(randint_like_args){.x = x, .low = low, .high = high});
}
