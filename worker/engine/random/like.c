/* Random tensors of the shape and type of another one, whose elements may be the numbers of the distribution. */
#include "common/base/error.h"
#include "worker/engine/random/attempts.h"
#include <math.h>
#include <ringtorch/random.h>

#define LIKE_FIELDS(F)                                                                             \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_COMPLEX, "whose shape and type are taken")
typedef struct RT_DESIGNATED like_args {
    RT_STRUCT(LIKE_FIELDS)
} like_args;

/* Rounds down to as many bits as a 16-bit type has below 1: to the nearest, the largest numbers would become 1. */
static rt_tensor *rounded_down(rt_tensor *u, double step)
{
    return rt_mul_scalar(rt_floor(rt_mul_scalar(u, 1 / step)), step);
}

RT_COMPOSITE(rand_like, like_args, LIKE_FIELDS, "uniform in [0, 1), of complex numbers both parts",
             .derivatives = RT_CONSTANT)
{
    rt_tensor *u = rt_rand(a->x->dims);
    if (rt__dtype_is_complex(a->x->dtype))
        u = rt_complex(u, rt_rand(a->x->dims));
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

/* Both parts of a complex number have half of its variance. */
static rt_tensor *normal_numbers(rt_dims dims, rt_dtype dtype)
{
    rt_tensor *z = rt_randn(dims);
    if (rt__dtype_is_complex(dtype))
        z = rt_mul_scalar(rt_complex(z, rt_randn(dims)), M_SQRT1_2);
    return rt_to(z, dtype);
}

RT_COMPOSITE(randn_like, like_args, LIKE_FIELDS,
             "standard normal, of complex numbers the parts with variance 1/2",
             .derivatives = RT_CONSTANT)
{
    return normal_numbers(a->x->dims, a->x->dtype);
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

/* ---- by numbers for each element ---- */

#define NORMAL_BY_FIELDS(F)                                                                        \
    F(INPUT, mean, RT_NEEDED, RT_FLOATS | RT_COMPLEX, "any shape")                                 \
    F(INPUT, std, RT_NEEDED, RT_FLOATS, "one that broadcasts with it; 0 or more")
typedef struct RT_DESIGNATED normal_by_args {
    RT_STRUCT(NORMAL_BY_FIELDS)
} normal_by_args;

RT_COMPOSITE(normal_by, normal_by_args, NORMAL_BY_FIELDS, "mean + std * z, z standard normal",
             .derivatives = RT_CONSTANT)
{
    rt_dims dims;
    if (rt__broadcast("normal_by", a->mean->dims, a->std->dims, &dims) != RT_OK)
        return NULL;
    rt_tensor *mean = rt_detach(a->mean), *std = rt_detach(a->std);
    rt_tensor *zero = rt_full(rt_shape(), 0, a->std->dtype);
    if (rt__any_true(rt_logical_not(rt_ge(std, zero))))
        return RT_FAIL_NULL(RANGE, "normal_by: a standard deviation is negative or NaN");
    rt_dtype dtype = rt__result_type((rt_tensor *[]){a->mean, a->std}, 2);
    return rt_add(rt_mul(normal_numbers(dims, dtype), std), mean);
}

rt_tensor *rt_normal_by(rt_tensor *mean, rt_tensor *std)
{
    return rt_apply(&rt__op_normal_by, &(normal_by_args){.mean = mean, .std = std});
}

#define BERNOULLI_BY_FIELDS(F) F(INPUT, p, RT_NEEDED, RT_FLOATS, "any shape; from 0 to 1")
typedef struct RT_DESIGNATED bernoulli_by_args {
    RT_STRUCT(BERNOULLI_BY_FIELDS)
} bernoulli_by_args;

RT_COMPOSITE(bernoulli_by, bernoulli_by_args, BERNOULLI_BY_FIELDS,
             "1 with the probability p of each element, else 0", .derivatives = RT_CONSTANT)
{
    rt_tensor *p = rt__widened(a->p), *zero = rt_full(rt_shape(), 0, RT_F32);
    rt_tensor *allowed = rt_logical_and(rt_ge(p, zero), rt_le(p, rt_add_scalar(zero, 1)));
    if (rt__any_true(rt_logical_not(allowed)))
        return RT_FAIL_NULL(RANGE, "bernoulli_by: a probability is not from 0 to 1");
    return rt_to(rt_lt(rt_rand(a->p->dims), p), a->p->dtype);
}

rt_tensor *rt_bernoulli_by(rt_tensor *p)
{
    return rt_apply(&rt__op_bernoulli_by, &(bernoulli_by_args){.p = p});
}
