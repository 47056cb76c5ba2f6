/* Choices and questions that are made of other operations. */
#include "common/base/error.h"
#include "worker/engine/ops/pointwise/composites.h"

/* ---- bits ---- */

/* All bits are set in -1; of a bool it makes true. */
static rt_tensor *all_bits(const rt_tensor *x)
{
    return rt_full(rt_shape(), x->dtype == RT_U8 ? UINT8_MAX : -1, x->dtype);
}

#define BITS_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_INTEGERS | RT_TYPE(BOOL), "any shape")

RT_COMPOSITE(bitwise_not, rt_one_args, BITS_FIELDS, "y = ~x", .derivatives = RT_CONSTANT)
{
    return rt_bitwise_xor(a->x, all_bits(a->x));
}

RT_COMPOSITE(bitwise_not_, rt_one_args, BITS_FIELDS, "x = ~x", .writes = true,
             .derivatives = RT_CONSTANT)
{
    return rt_bitwise_xor_inplace(a->x, all_bits(a->x));
}

/* ---- filling ---- */

#define FILL_FIELDS(F)                                                                             \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, mask, RT_NEEDED, RT_TYPE(BOOL), "one that broadcasts with it")
#define MASKED_FILL_FIELDS(F)                                                                      \
    FILL_FIELDS(F) F(NUMBER, value, RT_NEEDED, RT_ANY, "converted to the type of x")
typedef struct RT_DESIGNATED masked_fill_args {
    RT_STRUCT(MASKED_FILL_FIELDS)
} masked_fill_args;
#define MASKED_FILL_BY_FIELDS(F)                                                                   \
    FILL_FIELDS(F)                                                                                 \
    F(INPUT, value, RT_NEEDED, RT_ANY_TYPE, "one element without axes, converted to the type of x")
typedef struct RT_DESIGNATED masked_fill_by_args {
    RT_STRUCT(MASKED_FILL_BY_FIELDS)
} masked_fill_by_args;

static rt_tensor *filled(rt_tensor *x, rt_tensor *mask, double value)
{
    return rt_where(mask, rt_full(rt_shape(), value, x->dtype), x);
}

static rt_tensor *filled_by(const masked_fill_by_args *a)
{
    if (a->value->dims.n > 0) {
        RT_FAIL(SHAPE, "masked_fill_by: value %s, expected one element without axes: see rt_where",
                rt_dims_text(a->value->dims));
        return NULL;
    }
    return rt_where(a->mask, rt_to(a->value, a->x->dtype), a->x);
}

RT_COMPOSITE(masked_fill, masked_fill_args, MASKED_FILL_FIELDS, "y = mask ? value : x")
{
    return filled(a->x, a->mask, a->value);
}

RT_COMPOSITE(masked_fill_, masked_fill_args, MASKED_FILL_FIELDS, "x = mask ? value : x",
             .writes = true)
{
    return rt__put_in_place("masked_fill", a->x, filled(a->x, a->mask, a->value));
}

RT_COMPOSITE(masked_fill_by, masked_fill_by_args, MASKED_FILL_BY_FIELDS, "y = mask ? value : x")
{
    return filled_by(a);
}

RT_COMPOSITE(masked_fill_by_, masked_fill_by_args, MASKED_FILL_BY_FIELDS, "x = mask ? value : x",
             .writes = true)
{
    return rt__put_in_place("masked_fill_by", a->x, filled_by(a));
}

rt_tensor *rt_masked_fill(rt_tensor *x, rt_tensor *mask, double value)
{
    return rt_apply(&rt__op_masked_fill, &(masked_fill_args){.x = x, .mask = mask, .value = value});
}

rt_tensor *rt_masked_fill_inplace(rt_tensor *x, rt_tensor *mask, double value)
{
    return rt_apply(&rt__op_masked_fill_,
                    &(masked_fill_args){.x = x, .mask = mask, .value = value});
}

rt_tensor *rt_masked_fill_by(rt_tensor *x, rt_tensor *mask, rt_tensor *value)
{
    return rt_apply(&rt__op_masked_fill_by,
                    &(masked_fill_by_args){.x = x, .mask = mask, .value = value});
}

rt_tensor *rt_masked_fill_by_inplace(rt_tensor *x, rt_tensor *mask, rt_tensor *value)
{
    return rt_apply(&rt__op_masked_fill_by_,
                    &(masked_fill_by_args){.x = x, .mask = mask, .value = value});
}

/* ---- being close ---- */

/* Returns x in a type with fractions, in which differences of halves are not rounded to halves. */
static rt_tensor *fractional(rt_tensor *x)
{
    bool wide = rt__dtype_is_float(x->dtype) && !rt__is_half(x->dtype);
    return wide || rt__dtype_category(x->dtype) == RT__COMPLEX ? x : rt_to(x, RT_F32);
}

/* Returns where a and b are equal or close. Infinite differences are never close. */
static rt_tensor *close(const rt_isclose_args *a)
{
    rt_tensor *x = rt_detach(a->a), *y = rt_detach(a->b), *is = rt_eq(x, y);
    if (!is)
        return NULL;
    if (a->equal_nan)
        is = rt_logical_or(is, rt_logical_and(rt_isnan(x), rt_isnan(y)));
    if (a->rtol == 0 && a->atol == 0)
        return is;
    x = rt__is_half(x->dtype) ? fractional(x) : x;
    y = fractional(y);
    rt_tensor *difference = rt_abs(rt_sub(x, y));
    rt_tensor *allowed = rt_add_scalar(rt_abs(rt_mul_scalar(y, a->rtol)), a->atol);
    return rt_logical_or(is, rt_logical_and(rt_isfinite(difference), rt_le(difference, allowed)));
}

/* Returns whether all elements are true. */
static rt_tensor *all(rt_tensor *is)
{
    return is ? rt_eq(rt_sum(is), rt_full(rt_shape(), (double)is->numel, RT_I64)) : NULL;
}

RT_COMPOSITE(isclose, rt_isclose_args, RT_ISCLOSE_FIELDS, "y = |a - b| <= atol + rtol * |b|",
             .derivatives = RT_CONSTANT)
{
    return close(a);
}

RT_COMPOSITE(allclose, rt_isclose_args, RT_ISCLOSE_FIELDS,
             "whether |a - b| <= atol + rtol * |b| for all elements", .derivatives = RT_CONSTANT)
{
    return all(close(a));
}

RT_COMPOSITE(equal, rt_two_args, RT_TWO_FIELDS, "whether a and b have one shape and equal elements",
             .derivatives = RT_CONSTANT)
{
    if (!rt__dims_same(&a->a->dims, &a->b->dims))
        return rt_full(rt_shape(), 0, RT_BOOL);
    return all(rt_eq(a->a, a->b));
}

RT_CALLS_ONE(bitwise_not)
RT_CALLS_ONE_INPLACE(bitwise_not)
RT_CALLS_TWO(equal)

rt_tensor *rt_isclose_(rt_isclose_args a)
{
    return rt_apply(&rt__op_isclose, &a);
}

rt_tensor *rt_allclose_(rt_isclose_args a)
{
    return rt_apply(&rt__op_allclose, &a);
}
