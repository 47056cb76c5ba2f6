/* Arithmetic that is made of other operations. */
#include "worker/engine/ops/pointwise/composites.h"
#include <float.h>
#include <math.h>

/* Returns a number as a tensor that does not change the type of a calculation with floats of that type. */
static rt_tensor *number_of(rt_dtype type, double v)
{
    return rt_full(rt_shape(), v, rt__dtype_is_float(type) ? type : RT_F32);
}

#define LERP_SCALAR_FIELDS(F)                                                                      \
    F(INPUT, a, RT_NEEDED, RT_ANY_TYPE, "the value at 0")                                          \
    F(INPUT, b, RT_NEEDED, RT_ANY_TYPE, "the value at 1")                                          \
    F(NUMBER, w, RT_NEEDED, RT_ANY, "position between the two")
typedef struct RT_DESIGNATED lerp_scalar_args {
    RT_STRUCT(LERP_SCALAR_FIELDS)
} lerp_scalar_args;

#define ROUND_DECIMALS_FIELDS(F)                                                                   \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(INT, decimals, RT_NEEDED, RT_WITHIN(-300, 300), "places behind the point; -1 rounds to tens")
typedef struct RT_DESIGNATED round_decimals_args {
    RT_STRUCT(ROUND_DECIMALS_FIELDS)
} round_decimals_args;

/* ---- division ---- */

RT_COMPOSITE(true_divide, rt_two_args, RT_TWO_FIELDS, "y = a / b")
{
    return rt_div(a->a, a->b);
}

RT_COMPOSITE(true_divide_, rt_two_args, RT_TWO_FIELDS, "a = a / b", .writes = true)
{
    return rt_div_inplace(a->a, a->b);
}

RT_COMPOSITE(floor_divide, rt_two_args, RT_TWO_FIELDS, "y = floor(a / b)")
{
    return rt_div_floor(a->a, a->b);
}

RT_COMPOSITE(floor_divide_, rt_two_args, RT_TWO_FIELDS, "a = floor(a / b)", .writes = true)
{
    return rt_div_floor_inplace(a->a, a->b);
}

/* ---- sums with a factor ---- */

/* Returns whether the factor is 1, or of bools, which addend() multiplies. */
static bool is_plain(const rt_scaled_args *a)
{
    return a->alpha == 1 || rt_result_type(a->a, a->b) == RT_BOOL;
}

static rt_tensor *addend(const rt_scaled_args *a)
{
    return a->alpha == 0 ? rt_logical_and(a->b, rt_full(rt_shape(), 0, RT_BOOL)) : a->b;
}

/* Returns the third operand of addcmul, whose factor then is alpha alone. */
static rt_tensor *unit(const rt_scaled_args *a)
{
    return rt_full(rt_shape(), 1, rt_result_type(a->a, a->b));
}

RT_COMPOSITE(add_scaled, rt_scaled_args, RT_SCALED_FIELDS, "y = a + alpha * b")
{
    return is_plain(a) ? rt_add(a->a, addend(a))
                       : rt_addcmul(a->a, a->b, unit(a), .value = a->alpha);
}

RT_COMPOSITE(add_scaled_, rt_scaled_args, RT_SCALED_FIELDS, "a = a + alpha * b", .writes = true)
{
    return is_plain(a) ? rt_add_inplace(a->a, addend(a))
                       : rt_addcmul_inplace(a->a, a->b, unit(a), .value = a->alpha);
}

RT_COMPOSITE(rsub, rt_scaled_args, RT_SCALED_FIELDS, "y = b - alpha * a")
{
    return is_plain(a) ? rt_sub(a->b, a->a) : rt_addcmul(a->b, a->a, unit(a), .value = -a->alpha);
}

/* ---- others ---- */

RT_COMPOSITE(float_power, rt_two_args, RT_TWO_FIELDS,
             "y = a to the power of b, in float64 or complex128", .derivatives = 3)
{
    bool complex = rt__dtype_is_complex(a->a->dtype) || rt__dtype_is_complex(a->b->dtype);
    rt_dtype type = complex ? RT_C128 : RT_F64;
    return rt_pow(rt_to(a->a, type), rt_to(a->b, type));
}

static rt_tensor *heaviside(const rt_two_args *a)
{
    rt_tensor *zero = rt_full(rt_shape(), 0, a->a->dtype);
    rt_dtype type = rt_result_type(a->a, a->b);
    return rt_detach(rt_where(rt_eq(a->a, zero), a->b, rt_to(rt_gt(a->a, zero), type)));
}

RT_COMPOSITE(heaviside, rt_two_args, RT_TWO_FIELDS, "y = b where a is 0, else a > 0",
             .derivatives = RT_CONSTANT)
{
    return heaviside(a);
}

RT_COMPOSITE(heaviside_, rt_two_args, RT_TWO_FIELDS, "a = b where a is 0, else a > 0",
             .writes = true)
{
    return rt__put_in_place("heaviside", a->a, heaviside(a));
}

/* Computes in float32 what has half precision: as a tensor of that type, the number would lose most of its digits. */
static rt_tensor *wide_lerp(const lerp_scalar_args *a, rt_dtype type)
{
    rt_tensor *w = number_of(RT_F32, a->w);
    return rt_to(rt_lerp(rt__widened(a->a), rt__widened(a->b), w), type);
}

RT_COMPOSITE(lerp_scalar, lerp_scalar_args, LERP_SCALAR_FIELDS, "y = a + w * (b - a)")
{
    rt_dtype type = rt_result_type(a->a, a->b);
    return rt__is_half(type) ? wide_lerp(a, type) : rt_lerp(a->a, a->b, number_of(type, a->w));
}

RT_COMPOSITE(lerp_scalar_, lerp_scalar_args, LERP_SCALAR_FIELDS, "a = a + w * (b - a)",
             .writes = true)
{
    rt_dtype type = rt_result_type(a->a, a->b);
    return rt__is_half(type) ? rt__put_in_place("lerp_scalar", a->a, wide_lerp(a, type))
                             : rt_lerp_inplace(a->a, a->b, number_of(type, a->w));
}

RT_COMPOSITE(clamp_by, rt_clamp_by_args, RT_FIELDS_clamp_by, "y = min(max(x, low), high)")
{
    rt_tensor *y = a->low ? rt_clamp_min(a->x, a->low) : a->x;
    return a->high ? rt_clamp_max(y, a->high) : a->low ? y : rt_clone(y);
}

RT_COMPOSITE(clamp_by_, rt_clamp_by_args, RT_FIELDS_clamp_by, "x = min(max(x, low), high)",
             .writes = true)
{
    rt_tensor *y = a->low ? rt_clamp_min_inplace(a->x, a->low) : a->x;
    return a->high ? rt_clamp_max_inplace(y, a->high) : y;
}

/* Returns 10^decimals or, if that is a fraction, its reciprocal, which is exact. */
static double scale_of(const round_decimals_args *a)
{
    return pow(10, fabs((double)a->decimals));
}

/* Halves are rounded in float32, where the scale does not overflow as early. */
static rt_tensor *rounded(const round_decimals_args *a)
{
    rt_dtype type = a->x->dtype == RT_F64 ? RT_F64 : RT_F32;
    rt_tensor *scale = rt_full(rt_shape(), scale_of(a), type), *x = rt_to(a->x, type);
    rt_tensor *y = a->decimals < 0 ? rt_mul(rt_round(rt_div(x, scale)), scale)
                                   : rt_div(rt_round(rt_mul(x, scale)), scale);
    return rt_to(y, a->x->dtype);
}

RT_COMPOSITE(round_decimals, round_decimals_args, ROUND_DECIMALS_FIELDS,
             "y = x rounded to that many decimals")
{
    return rounded(a);
}

RT_COMPOSITE(round_decimals_, round_decimals_args, ROUND_DECIMALS_FIELDS,
             "x = x rounded to that many decimals", .writes = true)
{
    return rt__put_in_place("round_decimals", a->x, rounded(a));
}

/* Returns the largest finite number of a float type. */
static double largest(rt_dtype type)
{
    return type == RT_F64    ? DBL_MAX
           : type == RT_BF16 ? 0x1.fep127
           : type == RT_F16  ? 65504
                             : FLT_MAX;
}

/* x: a tensor of floats. */
static rt_replace_nonfinite_args replacements(const rt_nan_to_num_args *a, rt_tensor *x)
{
    double most = largest(x->dtype);
    return (rt_replace_nonfinite_args){.x = x,
                                       .nan = a->nan,
                                       .posinf = a->posinf == INFINITY ? most : a->posinf,
                                       .neginf = a->neginf == -INFINITY ? -most : a->neginf};
}

/* Replaces what is not finite in both parts of x, complex numbers. */
static rt_tensor *replaced_in_parts(const rt_nan_to_num_args *a, rt_tensor *x)
{
    rt_tensor *re = rt_real(x), *im = rt_imag(x);
    if (!re || !im)
        return NULL;
    return rt_complex(rt_replace_nonfinite_(replacements(a, re)),
                      rt_replace_nonfinite_(replacements(a, im)));
}

RT_COMPOSITE(nan_to_num, rt_nan_to_num_args, RT_FIELDS_nan_to_num,
             "y = x without NaN and infinities")
{
    if (rt__dtype_is_complex(a->x->dtype))
        return replaced_in_parts(a, a->x);
    if (!rt__dtype_is_float(a->x->dtype))
        return rt_clone(a->x);
    return rt_replace_nonfinite_(replacements(a, a->x));
}

RT_COMPOSITE(nan_to_num_, rt_nan_to_num_args, RT_FIELDS_nan_to_num,
             "x = x without NaN and infinities", .writes = true)
{
    if (rt__dtype_is_complex(a->x->dtype))
        return rt__put_in_place("nan_to_num", a->x, replaced_in_parts(a, rt_clone(a->x)));
    if (!rt__dtype_is_float(a->x->dtype))
        return a->x;
    return rt_replace_nonfinite_inplace_(replacements(a, a->x));
}

#define POSITIVE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_NOT_BOOL, "any shape")

RT_COMPOSITE(positive, rt_one_args, POSITIVE_FIELDS, "y = x itself")
{
    return a->x;
}

RT_COMPOSITE(sgn, rt_one_args, RT_ONE_FIELDS, "y = sign(x), or x / |x| of complex numbers")
{
    return rt__dtype_is_complex(a->x->dtype) ? rt__direction(a->x, false) : rt_sign(a->x);
}

RT_COMPOSITE(sgn_, rt_one_args, RT_ONE_FIELDS, "x = sign(x), or x / |x| of complex numbers",
             .writes = true)
{
    return rt__dtype_is_complex(a->x->dtype) ? rt__direction(a->x, true) : rt_sign_inplace(a->x);
}

/* ---- calls ---- */

RT_CALLS_TWO(true_divide)
RT_CALLS_TWO_INPLACE(true_divide)
RT_CALLS_TWO(floor_divide)
RT_CALLS_TWO_INPLACE(floor_divide)
RT_CALLS_TWO(float_power)
RT_CALLS_TWO(heaviside)
RT_CALLS_TWO_INPLACE(heaviside)
RT_CALLS_ONE(positive)
RT_CALLS_ONE(sgn)
RT_CALLS_ONE_INPLACE(sgn)

rt_tensor *rt_add_scaled_(rt_scaled_args a)
{
    return rt_apply(&rt__op_add_scaled, &a);
}

rt_tensor *rt_add_scaled_inplace_(rt_scaled_args a)
{
    return rt_apply(&rt__op_add_scaled_, &a);
}

rt_tensor *rt_rsub_(rt_scaled_args a)
{
    return rt_apply(&rt__op_rsub, &a);
}

rt_tensor *rt_lerp_scalar(rt_tensor *a, rt_tensor *b, double w)
{
    return rt_apply(&rt__op_lerp_scalar, &(lerp_scalar_args){.a = a, .b = b, .w = w});
}

rt_tensor *rt_lerp_scalar_inplace(rt_tensor *a, rt_tensor *b, double w)
{
    return rt_apply(&rt__op_lerp_scalar_, &(lerp_scalar_args){.a = a, .b = b, .w = w});
}

rt_tensor *rt_round_decimals(rt_tensor *x, int64_t decimals)
{
    return rt_apply(&rt__op_round_decimals, &(round_decimals_args){.x = x, .decimals = decimals});
}

rt_tensor *rt_round_decimals_inplace(rt_tensor *x, int64_t decimals)
{
    return rt_apply(&rt__op_round_decimals_, &(round_decimals_args){.x = x, .decimals = decimals});
}

RT_CALLS(clamp_by)
RT_CALLS_INPLACE(clamp_by)
RT_CALLS(nan_to_num)
RT_CALLS_INPLACE(nan_to_num)
