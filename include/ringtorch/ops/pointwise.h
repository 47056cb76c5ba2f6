/* Element-wise operations. Operands broadcast as in NumPy.
 *
 *     rt_tensor *x = rt_randn(rt_shape(8, 3)), *mean = rt_mean(x, rt_shape(0));
 *     rt_tensor *y = rt_tanh(rt_mul_scalar(rt_sub(x, mean), 2));             // [8,3]: from [8,3] and [3]
 *     rt_tensor *z = rt_where(rt_gt(x, y), x, rt_leaky_relu(y, .slope = 0.1));
 *     rt_relu_inplace(z);                                                    // needs no memory beside z
 *     rt_mul_inplace(rt_narrow(z, 0, 0, 2), rt_narrow(y, 0, 0, 2));          // z[0:2] *= y[0:2]
 *     printf("%g\n", rt_item(rt_sum(rt_add_scalar(rt_ones(rt_shape(3)), 1)))); // 6
 *
 * An operation with a row in kernels/elementwise.def (which finds its arguments as RT_FIELDS_<name>) also
 * has an in-place form, rt_<name>_inplace, which rt_op_find knows as <name>_. It puts the result in the
 * place of the first argument, whose type and shape stay as they are, and returns that argument. Its
 * history then includes the operation; rt_apply_in_place (op.h) says what it refuses. To write to a
 * parameter, call rt_no_grad_begin first.
 *
 * Lifetime: the current scope owns the result; an in-place form returns its first argument. */
#ifndef RINGTORCH_OPS_POINTWISE_H
#define RINGTORCH_OPS_POINTWISE_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

/* ---- one operand ----
 * The result has the shape of x. For integers, neg, abs, relu, square, sign, floor, ceil, round and trunc give
 * integers; the other operations compute them as float32. */
/* Returns -x. */
RT_API rt_tensor *rt_neg(rt_tensor *x);
RT_API rt_tensor *rt_neg_inplace(rt_tensor *x);
/* Returns x itself, which must not be bool. */
RT_API rt_tensor *rt_positive(rt_tensor *x);
/* Returns |x|. The gradient is sign(x), and 0 at 0. */
RT_API rt_tensor *rt_abs(rt_tensor *x);
RT_API rt_tensor *rt_abs_inplace(rt_tensor *x);
/* Returns max(x, 0). The gradient at 0 is 0; NaN stays NaN. */
RT_API rt_tensor *rt_relu(rt_tensor *x);
RT_API rt_tensor *rt_relu_inplace(rt_tensor *x);
/* Returns x * x. */
RT_API rt_tensor *rt_square(rt_tensor *x);
RT_API rt_tensor *rt_square_inplace(rt_tensor *x);
/* Returns the square root of x: NaN below 0, and an infinite gradient at 0. */
RT_API rt_tensor *rt_sqrt(rt_tensor *x);
RT_API rt_tensor *rt_sqrt_inplace(rt_tensor *x);
/* Returns 1 / sqrt(x). */
RT_API rt_tensor *rt_rsqrt(rt_tensor *x);
RT_API rt_tensor *rt_rsqrt_inplace(rt_tensor *x);
/* Returns 1 / x. */
RT_API rt_tensor *rt_reciprocal(rt_tensor *x);
RT_API rt_tensor *rt_reciprocal_inplace(rt_tensor *x);
/* Returns e^x. */
RT_API rt_tensor *rt_exp(rt_tensor *x);
RT_API rt_tensor *rt_exp_inplace(rt_tensor *x);
/* Returns e^x - 1, accurate near 0. */
RT_API rt_tensor *rt_expm1(rt_tensor *x);
RT_API rt_tensor *rt_expm1_inplace(rt_tensor *x);
/* Returns the natural logarithm of x: -inf at 0, NaN below. */
RT_API rt_tensor *rt_log(rt_tensor *x);
RT_API rt_tensor *rt_log_inplace(rt_tensor *x);
/* Returns log(1 + x), accurate near 0. */
RT_API rt_tensor *rt_log1p(rt_tensor *x);
RT_API rt_tensor *rt_log1p_inplace(rt_tensor *x);
/* Returns 1 / (1 + exp(-x)), without overflow. */
RT_API rt_tensor *rt_sigmoid(rt_tensor *x);
RT_API rt_tensor *rt_sigmoid_inplace(rt_tensor *x);
/* Returns the hyperbolic tangent of x. */
RT_API rt_tensor *rt_tanh(rt_tensor *x);
RT_API rt_tensor *rt_tanh_inplace(rt_tensor *x);
/* Returns the error function of x, 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x. */
RT_API rt_tensor *rt_erf(rt_tensor *x);
RT_API rt_tensor *rt_erf_inplace(rt_tensor *x);
/* Returns x * Phi(x), computed with erf (Hendrycks and Gimpel 2016). */
RT_API rt_tensor *rt_gelu(rt_tensor *x);
RT_API rt_tensor *rt_gelu_inplace(rt_tensor *x);
/* Returns the tanh approximation of rt_gelu from the same paper (Hendrycks and Gimpel 2016). */
RT_API rt_tensor *rt_gelu_tanh(rt_tensor *x);
RT_API rt_tensor *rt_gelu_tanh_inplace(rt_tensor *x);
/* Returns x * sigmoid(x). */
RT_API rt_tensor *rt_silu(rt_tensor *x);
RT_API rt_tensor *rt_silu_inplace(rt_tensor *x);
/* Returns x * tanh(log(1 + exp(x))) (Misra 2020). */
RT_API rt_tensor *rt_mish(rt_tensor *x);
RT_API rt_tensor *rt_mish_inplace(rt_tensor *x);
/* Returns min(max(x + 3, 0), 6) / 6. The gradient is 0 at the limits. */
RT_API rt_tensor *rt_hardsigmoid(rt_tensor *x);
RT_API rt_tensor *rt_hardsigmoid_inplace(rt_tensor *x);
/* Returns x * min(max(x + 3, 0), 6) / 6 (Howard et al. 2019). */
RT_API rt_tensor *rt_hardswish(rt_tensor *x);
RT_API rt_tensor *rt_hardswish_inplace(rt_tensor *x);
/* Returns min(max(x, 0), 6). The gradient is 0 at the limits. */
RT_API rt_tensor *rt_relu6(rt_tensor *x);
RT_API rt_tensor *rt_relu6_inplace(rt_tensor *x);
/* Returns rt_elu with the alpha and the scale of Klambauer et al. 2017. */
RT_API rt_tensor *rt_selu(rt_tensor *x);
RT_API rt_tensor *rt_selu_inplace(rt_tensor *x);
/* Returns log(sigmoid(x)), without overflow. */
RT_API rt_tensor *rt_logsigmoid(rt_tensor *x);
/* Returns x / (1 + |x|). */
RT_API rt_tensor *rt_softsign(rt_tensor *x);
/* Returns x - tanh(x). */
RT_API rt_tensor *rt_tanhshrink(rt_tensor *x);
/* Returns the sine of x, in radians. */
RT_API rt_tensor *rt_sin(rt_tensor *x);
RT_API rt_tensor *rt_sin_inplace(rt_tensor *x);
/* Returns the cosine of x, in radians. */
RT_API rt_tensor *rt_cos(rt_tensor *x);
RT_API rt_tensor *rt_cos_inplace(rt_tensor *x);
/* Returns -1, 0 or 1. The gradient is 0. */
RT_API rt_tensor *rt_sign(rt_tensor *x);
RT_API rt_tensor *rt_sign_inplace(rt_tensor *x);
/* Returns rt_sign(x); of a complex number x / |x|, and 0 for 0. */
RT_API rt_tensor *rt_sgn(rt_tensor *x);
RT_API rt_tensor *rt_sgn_inplace(rt_tensor *x);
/* Rounds towards minus infinity. The gradient is 0. */
RT_API rt_tensor *rt_floor(rt_tensor *x);
RT_API rt_tensor *rt_floor_inplace(rt_tensor *x);
/* Rounds towards infinity. The gradient is 0. */
RT_API rt_tensor *rt_ceil(rt_tensor *x);
RT_API rt_tensor *rt_ceil_inplace(rt_tensor *x);
/* Rounds to the nearest integer, half to even. The gradient is 0. */
RT_API rt_tensor *rt_round(rt_tensor *x);
RT_API rt_tensor *rt_round_inplace(rt_tensor *x);
/* Returns x without its fraction. The gradient is 0. */
RT_API rt_tensor *rt_trunc(rt_tensor *x);
RT_API rt_tensor *rt_trunc_inplace(rt_tensor *x);
/* Returns 2 to the power of x. */
RT_API rt_tensor *rt_exp2(rt_tensor *x);
RT_API rt_tensor *rt_exp2_inplace(rt_tensor *x);
/* Returns the logarithm to base 2: NaN below 0. */
RT_API rt_tensor *rt_log2(rt_tensor *x);
RT_API rt_tensor *rt_log2_inplace(rt_tensor *x);
/* Returns the logarithm to base 10: NaN below 0. */
RT_API rt_tensor *rt_log10(rt_tensor *x);
RT_API rt_tensor *rt_log10_inplace(rt_tensor *x);
/* Returns x without its whole part, with the sign of x: -0.5 of -3.5. The gradient is dy. */
RT_API rt_tensor *rt_frac(rt_tensor *x);
RT_API rt_tensor *rt_frac_inplace(rt_tensor *x);
/* Returns degrees as radians: x * pi / 180. */
RT_API rt_tensor *rt_deg2rad(rt_tensor *x);
RT_API rt_tensor *rt_deg2rad_inplace(rt_tensor *x);
/* Returns radians as degrees: x * 180 / pi. */
RT_API rt_tensor *rt_rad2deg(rt_tensor *x);
RT_API rt_tensor *rt_rad2deg_inplace(rt_tensor *x);
/* Returns sin(pi x) / (pi x), and 1 at 0. */
RT_API rt_tensor *rt_sinc(rt_tensor *x);
RT_API rt_tensor *rt_sinc_inplace(rt_tensor *x);
/* Returns the tangent of x. */
RT_API rt_tensor *rt_tan(rt_tensor *x);
RT_API rt_tensor *rt_tan_inplace(rt_tensor *x);
/* Returns the angle from -pi/2 to pi/2 whose sine is x: NaN beyond -1 and 1. */
RT_API rt_tensor *rt_asin(rt_tensor *x);
RT_API rt_tensor *rt_asin_inplace(rt_tensor *x);
/* Returns the angle from 0 to pi whose cosine is x: NaN beyond -1 and 1. */
RT_API rt_tensor *rt_acos(rt_tensor *x);
RT_API rt_tensor *rt_acos_inplace(rt_tensor *x);
/* Returns the angle from -pi/2 to pi/2 whose tangent is x. */
RT_API rt_tensor *rt_atan(rt_tensor *x);
RT_API rt_tensor *rt_atan_inplace(rt_tensor *x);
/* Returns the hyperbolic sine of x. */
RT_API rt_tensor *rt_sinh(rt_tensor *x);
RT_API rt_tensor *rt_sinh_inplace(rt_tensor *x);
/* Returns the hyperbolic cosine of x. */
RT_API rt_tensor *rt_cosh(rt_tensor *x);
RT_API rt_tensor *rt_cosh_inplace(rt_tensor *x);
/* Returns the number whose hyperbolic sine is x. */
RT_API rt_tensor *rt_asinh(rt_tensor *x);
RT_API rt_tensor *rt_asinh_inplace(rt_tensor *x);
/* Returns the number from 0 on whose hyperbolic cosine is x: NaN below 1. */
RT_API rt_tensor *rt_acosh(rt_tensor *x);
RT_API rt_tensor *rt_acosh_inplace(rt_tensor *x);
/* Returns the number whose hyperbolic tangent is x: infinite at -1 and 1, NaN beyond. */
RT_API rt_tensor *rt_atanh(rt_tensor *x);
RT_API rt_tensor *rt_atanh_inplace(rt_tensor *x);
/* Returns 1 - erf(x), exactly also where that is tiny. */
RT_API rt_tensor *rt_erfc(rt_tensor *x);
RT_API rt_tensor *rt_erfc_inplace(rt_tensor *x);
/* Returns the number whose erf is x: infinite at -1 and 1, NaN beyond. */
RT_API rt_tensor *rt_erfinv(rt_tensor *x);
RT_API rt_tensor *rt_erfinv_inplace(rt_tensor *x);
/* Returns log|gamma(x)|: infinite at 0 and at the negative integers. */
RT_API rt_tensor *rt_lgamma(rt_tensor *x);
RT_API rt_tensor *rt_lgamma_inplace(rt_tensor *x);
/* Returns the derivative of lgamma: infinite at 0, with the other sign, and NaN at the negative
 * integers. */
RT_API rt_tensor *rt_digamma(rt_tensor *x);
RT_API rt_tensor *rt_digamma_inplace(rt_tensor *x);

/* ---- two operands ----
 * The operands broadcast together and may have any types: both are converted to the type that
 * rt_result_type gives, and each gradient has the type of its operand. */
/* Returns a + b. */
RT_API rt_tensor *rt_add(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_add_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a - b. */
RT_API rt_tensor *rt_sub(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_sub_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a * b. */
RT_API rt_tensor *rt_mul(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_mul_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a / b; float32 for integers. */
RT_API rt_tensor *rt_div(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_div_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a / b without its fraction, as PyTorch's div with rounding_mode="trunc". The gradient is
 * 0. For integers the result is an integer, and division by zero fails. */
RT_API rt_tensor *rt_div_trunc(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_div_trunc_inplace(rt_tensor *a, rt_tensor *b);
/* Returns floor(a / b), as PyTorch's div with rounding_mode="floor": computed from the exact
 * remainder. The gradient is 0. For integers the result is an integer, and division by zero fails. */
RT_API rt_tensor *rt_div_floor(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_div_floor_inplace(rt_tensor *a, rt_tensor *b);
/* Returns what rt_div_floor does, by PyTorch's name. */
RT_API rt_tensor *rt_floor_divide(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_floor_divide_inplace(rt_tensor *a, rt_tensor *b);
/* Returns what rt_div does, by PyTorch's other name. */
RT_API rt_tensor *rt_true_divide(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_true_divide_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a - b * trunc(a / b), exact, with the sign of a. For integers, division by zero fails; for
 * floats it gives NaN. */
RT_API rt_tensor *rt_fmod(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_fmod_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a - b * floor(a / b), with the sign of b, as Python's % does; zero divisors as in rt_fmod. */
RT_API rt_tensor *rt_remainder(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_remainder_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a to the power of b, computed in float64, or complex128 of complex numbers, as which the
 * result comes. */
RT_API rt_tensor *rt_float_power(rt_tensor *a, rt_tensor *b);
/* Returns log(exp(a) + exp(b)), without overflow. */
RT_API rt_tensor *rt_logaddexp(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_logaddexp_inplace(rt_tensor *a, rt_tensor *b);
/* Returns log2(2^a + 2^b), without overflow. */
RT_API rt_tensor *rt_logaddexp2(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_logaddexp2_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a * log(b), which is 0 where a is 0, unless b is NaN. */
RT_API rt_tensor *rt_xlogy(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_xlogy_inplace(rt_tensor *a, rt_tensor *b);
/* Returns 0 where a < 0, 1 where a > 0, and b where a is 0. No gradient. */
RT_API rt_tensor *rt_heaviside(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_heaviside_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a where a > 0, otherwise a * b: rt_leaky_relu with a tensor of slopes. */
RT_API rt_tensor *rt_leaky_relu_by(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_leaky_relu_by_inplace(rt_tensor *a, rt_tensor *b);
/* Returns x where x > 0, otherwise x times the weight of its channel (He et al. 2015). The channels are
 * the second axis of x; the weight has one element for each, or a single one. */
RT_API rt_tensor *rt_prelu(rt_tensor *x, rt_tensor *weight);
/* Returns a to the power of b. For integers the result is an integer; a negative power gives 1, -1
 * or, in place of a fraction, 0. */
RT_API rt_tensor *rt_pow(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_pow_inplace(rt_tensor *a, rt_tensor *b);
/* Returns the angle of the point (b, a), from -pi to pi: that whose tangent is a / b where b > 0. */
RT_API rt_tensor *rt_atan2(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_atan2_inplace(rt_tensor *a, rt_tensor *b);
/* Returns sqrt(a * a + b * b), which no square overflows on the way. */
RT_API rt_tensor *rt_hypot(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_hypot_inplace(rt_tensor *a, rt_tensor *b);
/* Returns |a| with the sign of b, that of a zero included; float32 for integers. */
RT_API rt_tensor *rt_copysign(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_copysign_inplace(rt_tensor *a, rt_tensor *b);
/* Returns the larger of a and b. NaN counts as the larger; equal elements share the gradient. */
RT_API rt_tensor *rt_maximum(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_maximum_inplace(rt_tensor *a, rt_tensor *b);
/* Returns the smaller of a and b. NaN counts as the smaller; equal elements share the gradient. */
RT_API rt_tensor *rt_minimum(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_minimum_inplace(rt_tensor *a, rt_tensor *b);

/* Returns the larger of a and b, or the other one where one is NaN. Where they are equal, a gets the
 * gradient. */
RT_API rt_tensor *rt_fmax(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_fmax_inplace(rt_tensor *a, rt_tensor *b);
/* Returns the smaller of a and b, or the other one where one is NaN. Where they are equal, a gets the
 * gradient. */
RT_API rt_tensor *rt_fmin(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_fmin_inplace(rt_tensor *a, rt_tensor *b);
/* Returns max(a, b), b being a bound: a gets the gradient where a > b, b where a < b, and each of them half of
 * it where they are equal. NaN gives NaN. */
RT_API rt_tensor *rt_clamp_min(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_clamp_min_inplace(rt_tensor *a, rt_tensor *b);
/* Returns min(a, b), b being a bound: a gets the gradient where a < b, b where a > b, and each of them half of
 * it where they are equal. NaN gives NaN. */
RT_API rt_tensor *rt_clamp_max(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_clamp_max_inplace(rt_tensor *a, rt_tensor *b);

/* ---- bits ----
 * For integers; and, or, xor and not also for bool. No gradient. */
/* Returns a & b. */
RT_API rt_tensor *rt_bitwise_and(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_bitwise_and_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a | b. */
RT_API rt_tensor *rt_bitwise_or(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_bitwise_or_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a ^ b, the bits that differ. */
RT_API rt_tensor *rt_bitwise_xor(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_bitwise_xor_inplace(rt_tensor *a, rt_tensor *b);
/* Returns x with all bits inverted; of a bool the opposite. */
RT_API rt_tensor *rt_bitwise_not(rt_tensor *x);
RT_API rt_tensor *rt_bitwise_not_inplace(rt_tensor *x);
/* Returns a << b: 0 if b is negative or leaves no bit. */
RT_API rt_tensor *rt_bitwise_left_shift(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_bitwise_left_shift_inplace(rt_tensor *a, rt_tensor *b);
/* Returns a >> b with the sign of a: 0 or -1 if b is negative or leaves no bit. */
RT_API rt_tensor *rt_bitwise_right_shift(rt_tensor *a, rt_tensor *b);
RT_API rt_tensor *rt_bitwise_right_shift_inplace(rt_tensor *a, rt_tensor *b);

/* ---- one operand and a number ----
 * No tensor is made for the number. If it has a fraction, integers become float32; otherwise they stay
 * integers; bool becomes a number in both cases. Beyond 2^53 a double represents only some of the
 * integers: rt_from with rt_add or rt_mul takes all of them. */
/* Returns a + s. */
RT_API rt_tensor *rt_add_scalar(rt_tensor *a, double s);
/* Returns a * s. */
RT_API rt_tensor *rt_mul_scalar(rt_tensor *a, double s);
/* Returns a to the power of s. Integers have no negative powers. */
RT_API rt_tensor *rt_pow_scalar(rt_tensor *a, double s);

/* Returns a + w * (b - a), as rt_lerp does, for a number. */
RT_API rt_tensor *rt_lerp_scalar(rt_tensor *a, rt_tensor *b, double w);
RT_API rt_tensor *rt_lerp_scalar_inplace(rt_tensor *a, rt_tensor *b, double w);
/* Rounds x to that many places behind the point, half to even; -1 rounds to tens. The gradient is 0. */
RT_API rt_tensor *rt_round_decimals(rt_tensor *x, int64_t decimals);
RT_API rt_tensor *rt_round_decimals_inplace(rt_tensor *x, int64_t decimals);

/* ---- comparisons ----
 * The result is bool and has no gradient. The operands broadcast together. */
/* Returns a == b, as bool. */
RT_API rt_tensor *rt_eq(rt_tensor *a, rt_tensor *b);
/* Returns a != b, as bool. */
RT_API rt_tensor *rt_ne(rt_tensor *a, rt_tensor *b);
/* Returns a < b, as bool. */
RT_API rt_tensor *rt_lt(rt_tensor *a, rt_tensor *b);
/* Returns a <= b, as bool. */
RT_API rt_tensor *rt_le(rt_tensor *a, rt_tensor *b);
/* Returns a > b, as bool. */
RT_API rt_tensor *rt_gt(rt_tensor *a, rt_tensor *b);
/* Returns a >= b, as bool. */
RT_API rt_tensor *rt_ge(rt_tensor *a, rt_tensor *b);

/* Returns whether both are not 0. NaN is not 0. */
RT_API rt_tensor *rt_logical_and(rt_tensor *a, rt_tensor *b);
/* Returns whether one is not 0, or both. */
RT_API rt_tensor *rt_logical_or(rt_tensor *a, rt_tensor *b);
/* Returns whether exactly one is not 0. */
RT_API rt_tensor *rt_logical_xor(rt_tensor *a, rt_tensor *b);
#define RT_ISCLOSE_FIELDS(F)                                                                       \
    F(INPUT, a, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, b, RT_NEEDED, RT_ANY_TYPE, "what is expected; broadcasts with it")                    \
    F(NUMBER, rtol, 1e-5, RT_FROM(0), "the relative tolerance")                                    \
    F(NUMBER, atol, 1e-8, RT_FROM(0), "the absolute tolerance")                                    \
    F(FLAG, equal_nan, false, RT_ANY, "whether NaN equals NaN")
typedef struct rt_isclose_args {
    RT_STRUCT(RT_ISCLOSE_FIELDS)
} rt_isclose_args;
/* Returns where |a - b| <= atol + rtol * |b|. Infinities are close only to themselves. */
#define rt_isclose(...) RT_OP_CALL(rt_isclose_, rt_isclose_args, RT_ISCLOSE_FIELDS, a, __VA_ARGS__)
/* Returns whether rt_isclose holds everywhere, as a tensor of one bool. */
#define rt_allclose(...)                                                                           \
    RT_OP_CALL(rt_allclose_, rt_isclose_args, RT_ISCLOSE_FIELDS, a, __VA_ARGS__)
RT_API rt_tensor *rt_isclose_(rt_isclose_args a);
RT_API rt_tensor *rt_allclose_(rt_isclose_args a);
/* Returns whether a and b have the same shape and equal elements, as a tensor of one bool. */
RT_API rt_tensor *rt_equal(rt_tensor *a, rt_tensor *b);

/* ---- questions about elements ----
 * The result is bool and has no gradient. */
/* Returns where x is NaN. */
RT_API rt_tensor *rt_isnan(rt_tensor *x);
/* Returns where x is infinite. */
RT_API rt_tensor *rt_isinf(rt_tensor *x);
/* Returns where x is neither infinite nor NaN. */
RT_API rt_tensor *rt_isfinite(rt_tensor *x);
/* Returns where x is infinite and positive. */
RT_API rt_tensor *rt_isposinf(rt_tensor *x);
/* Returns where x is infinite and negative. */
RT_API rt_tensor *rt_isneginf(rt_tensor *x);
/* Returns where the sign of x is minus, which includes -0. */
RT_API rt_tensor *rt_signbit(rt_tensor *x);
/* Returns where x is 0. */
RT_API rt_tensor *rt_logical_not(rt_tensor *x);

/* ---- choice ---- */
/* Returns x, but `value`, converted to its type, where the bool mask holds. Both broadcast together. */
RT_API rt_tensor *rt_masked_fill(rt_tensor *x, rt_tensor *mask, double value);
RT_API rt_tensor *rt_masked_fill_inplace(rt_tensor *x, rt_tensor *mask, double value);
/* The same with a tensor of one element without axes, which gets its gradient. */
RT_API rt_tensor *rt_masked_fill_by(rt_tensor *x, rt_tensor *mask, rt_tensor *value);
RT_API rt_tensor *rt_masked_fill_by_inplace(rt_tensor *x, rt_tensor *mask, rt_tensor *value);
/* Returns elements of a where the bool condition holds, otherwise of b. All three broadcast
 * together. */
RT_API rt_tensor *rt_where(rt_tensor *condition, rt_tensor *a, rt_tensor *b);

/* ---- one operand and named numbers ----
 * Numbers that are left out have their defaults: rt_leaky_relu(x), rt_clamp(x, .low = 0). */
#define RT_FIELDS_leaky_relu(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, slope, 0.01, RT_ANY, "slope of the negative side")
typedef struct rt_leaky_relu_args {
    RT_STRUCT(RT_FIELDS_leaky_relu)
} rt_leaky_relu_args;
/* Returns x where x > 0, otherwise slope * x. The gradient at 0 is slope. */
#define rt_leaky_relu(...)                                                                         \
    RT_OP_CALL(rt_leaky_relu_, rt_leaky_relu_args, RT_FIELDS_leaky_relu, x, __VA_ARGS__)
#define rt_leaky_relu_inplace(...)                                                                 \
    RT_OP_CALL(rt_leaky_relu_inplace_, rt_leaky_relu_args, RT_FIELDS_leaky_relu, x, __VA_ARGS__)
RT_API rt_tensor *rt_leaky_relu_(rt_leaky_relu_args a);
RT_API rt_tensor *rt_leaky_relu_inplace_(rt_leaky_relu_args a);
#define RT_FIELDS_elu(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, alpha, 1, RT_ANY, "minus the limit at minus infinity")                               \
    F(NUMBER, scale, 1, RT_ANY, "a factor of the result")
typedef struct rt_elu_args {
    RT_STRUCT(RT_FIELDS_elu)
} rt_elu_args;
/* Returns scale * x where x > 0, otherwise scale * alpha * (exp(x) - 1) (Clevert et al. 2016). */
#define rt_elu(...)         RT_OP_CALL(rt_elu_, rt_elu_args, RT_FIELDS_elu, x, __VA_ARGS__)
#define rt_elu_inplace(...) RT_OP_CALL(rt_elu_inplace_, rt_elu_args, RT_FIELDS_elu, x, __VA_ARGS__)
RT_API rt_tensor *rt_elu_(rt_elu_args a);
RT_API rt_tensor *rt_elu_inplace_(rt_elu_args a);
#define RT_FIELDS_celu(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, alpha, 1, RT_FROM(1e-30), "minus the limit at minus infinity")
typedef struct rt_celu_args {
    RT_STRUCT(RT_FIELDS_celu)
} rt_celu_args;
/* Returns x where x > 0, otherwise alpha * (exp(x / alpha) - 1), whose slope at 0 is 1 (Barron
 * 2017). */
#define rt_celu(...) RT_OP_CALL(rt_celu_, rt_celu_args, RT_FIELDS_celu, x, __VA_ARGS__)
#define rt_celu_inplace(...)                                                                       \
    RT_OP_CALL(rt_celu_inplace_, rt_celu_args, RT_FIELDS_celu, x, __VA_ARGS__)
RT_API rt_tensor *rt_celu_(rt_celu_args a);
RT_API rt_tensor *rt_celu_inplace_(rt_celu_args a);
#define RT_FIELDS_clamp(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL,                                               \
      "any shape; a number with a fraction makes integers float32")                                \
    F(NUMBER, low, -__builtin_inf(), RT_ANY, "lower limit")                                        \
    F(NUMBER, high, __builtin_inf(), RT_ANY, "upper limit; it wins if the limits cross")
typedef struct rt_clamp_args {
    RT_STRUCT(RT_FIELDS_clamp)
} rt_clamp_args;
/* Returns min(max(x, low), high). The gradient is 1 between the limits, and 0 at a limit and beyond it; a
 * limit that is NaN gives NaN. If a limit is outside of an integer type, the nearest value of the type
 * takes its place: for uint8, 0 for -1. */
#define rt_clamp(...) RT_OP_CALL(rt_clamp_, rt_clamp_args, RT_FIELDS_clamp, x, __VA_ARGS__)
#define rt_clamp_inplace(...)                                                                      \
    RT_OP_CALL(rt_clamp_inplace_, rt_clamp_args, RT_FIELDS_clamp, x, __VA_ARGS__)
RT_API rt_tensor *rt_clamp_(rt_clamp_args a);
RT_API rt_tensor *rt_clamp_inplace_(rt_clamp_args a);
#define RT_FIELDS_hardtanh(F)                                                                      \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL,                                               \
      "any shape; a number with a fraction makes integers float32")                                \
    F(NUMBER, low, -1, RT_ANY, "lower limit")                                                      \
    F(NUMBER, high, 1, RT_ANY, "upper limit")
typedef struct rt_hardtanh_args {
    RT_STRUCT(RT_FIELDS_hardtanh)
} rt_hardtanh_args;
/* Returns min(max(x, low), high), as rt_clamp does. Its limits are -1 and 1 if they are not given. The
 * gradient, too, is 0 at the limits and beyond them, but 1 for NaN, where that of rt_clamp is 0. */
#define rt_hardtanh(...)                                                                           \
    RT_OP_CALL(rt_hardtanh_, rt_hardtanh_args, RT_FIELDS_hardtanh, x, __VA_ARGS__)
#define rt_hardtanh_inplace(...)                                                                   \
    RT_OP_CALL(rt_hardtanh_inplace_, rt_hardtanh_args, RT_FIELDS_hardtanh, x, __VA_ARGS__)
RT_API rt_tensor *rt_hardtanh_(rt_hardtanh_args a);
RT_API rt_tensor *rt_hardtanh_inplace_(rt_hardtanh_args a);
#define RT_FIELDS_softshrink(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, lambda, 0.5, RT_FROM(0), "how far elements move towards 0")
typedef struct rt_softshrink_args {
    RT_STRUCT(RT_FIELDS_softshrink)
} rt_softshrink_args;
/* Returns x moved towards 0 by lambda; 0 where |x| <= lambda. */
#define rt_softshrink(...)                                                                         \
    RT_OP_CALL(rt_softshrink_, rt_softshrink_args, RT_FIELDS_softshrink, x, __VA_ARGS__)
#define rt_softshrink_inplace(...)                                                                 \
    RT_OP_CALL(rt_softshrink_inplace_, rt_softshrink_args, RT_FIELDS_softshrink, x, __VA_ARGS__)
RT_API rt_tensor *rt_softshrink_(rt_softshrink_args a);
RT_API rt_tensor *rt_softshrink_inplace_(rt_softshrink_args a);
#define RT_FIELDS_hardshrink(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, lambda, 0.5, RT_ANY, "elements no further from 0 become 0")
typedef struct rt_hardshrink_args {
    RT_STRUCT(RT_FIELDS_hardshrink)
} rt_hardshrink_args;
/* Returns x where |x| > lambda, otherwise 0. */
#define rt_hardshrink(...)                                                                         \
    RT_OP_CALL(rt_hardshrink_, rt_hardshrink_args, RT_FIELDS_hardshrink, x, __VA_ARGS__)
#define rt_hardshrink_inplace(...)                                                                 \
    RT_OP_CALL(rt_hardshrink_inplace_, rt_hardshrink_args, RT_FIELDS_hardshrink, x, __VA_ARGS__)
RT_API rt_tensor *rt_hardshrink_(rt_hardshrink_args a);
RT_API rt_tensor *rt_hardshrink_inplace_(rt_hardshrink_args a);
#define RT_FIELDS_softplus(F)                                                                      \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "any shape")                                    \
    F(NUMBER, beta, 1, RT_ANY, "how sharp the bend is; not 0")                                     \
    F(NUMBER, threshold, 20, RT_ANY, "beta * x above it gives x")
typedef struct rt_softplus_args {
    RT_STRUCT(RT_FIELDS_softplus)
} rt_softplus_args;
/* Returns log(1 + exp(beta * x)) / beta, and x where beta * x > threshold. */
#define rt_softplus(...)                                                                           \
    RT_OP_CALL(rt_softplus_, rt_softplus_args, RT_FIELDS_softplus, x, __VA_ARGS__)
#define rt_softplus_inplace(...)                                                                   \
    RT_OP_CALL(rt_softplus_inplace_, rt_softplus_args, RT_FIELDS_softplus, x, __VA_ARGS__)
RT_API rt_tensor *rt_softplus_(rt_softplus_args a);
RT_API rt_tensor *rt_softplus_inplace_(rt_softplus_args a);
#define RT_FIELDS_replace_nonfinite(F)                                                             \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, nan, 0, RT_ANY, "replaces NaN")                                                      \
    F(NUMBER, posinf, 0, RT_ANY, "replaces infinity")                                              \
    F(NUMBER, neginf, 0, RT_ANY, "replaces minus infinity")
typedef struct rt_replace_nonfinite_args {
    RT_STRUCT(RT_FIELDS_replace_nonfinite)
} rt_replace_nonfinite_args;
/* Returns x where it is finite, otherwise the number for NaN or for the infinity that it is. */
#define rt_replace_nonfinite(...)                                                                  \
    RT_OP_CALL(rt_replace_nonfinite_, rt_replace_nonfinite_args, RT_FIELDS_replace_nonfinite, x,   \
               __VA_ARGS__)
#define rt_replace_nonfinite_inplace(...)                                                          \
    RT_OP_CALL(rt_replace_nonfinite_inplace_, rt_replace_nonfinite_args,                           \
               RT_FIELDS_replace_nonfinite, x, __VA_ARGS__)
RT_API rt_tensor *rt_replace_nonfinite_(rt_replace_nonfinite_args a);
RT_API rt_tensor *rt_replace_nonfinite_inplace_(rt_replace_nonfinite_args a);
#define RT_FIELDS_nan_to_num(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(NUMBER, nan, 0, RT_ANY, "replaces NaN")                                                      \
    F(NUMBER, posinf, __builtin_inf(), RT_ANY,                                                     \
      "replaces infinity; infinity: by the largest number of the type")                            \
    F(NUMBER, neginf, -__builtin_inf(), RT_ANY,                                                    \
      "replaces minus infinity; minus infinity: by the least number of the type")
typedef struct rt_nan_to_num_args {
    RT_STRUCT(RT_FIELDS_nan_to_num)
} rt_nan_to_num_args;
/* Returns x without NaN and infinities: if no numbers are given, 0 and the largest numbers of the type
 * take their place. Of complex numbers, each part is replaced by itself. Integers stay. */
#define rt_nan_to_num(...)                                                                         \
    RT_OP_CALL(rt_nan_to_num_, rt_nan_to_num_args, RT_FIELDS_nan_to_num, x, __VA_ARGS__)
#define rt_nan_to_num_inplace(...)                                                                 \
    RT_OP_CALL(rt_nan_to_num_inplace_, rt_nan_to_num_args, RT_FIELDS_nan_to_num, x, __VA_ARGS__)
RT_API rt_tensor *rt_nan_to_num_(rt_nan_to_num_args a);
RT_API rt_tensor *rt_nan_to_num_inplace_(rt_nan_to_num_args a);
/* What the second half of x is put through before it multiplies the first: the sigmoid of GLU
 * (Dauphin et al. 2017), or the others of Shazeer 2020: SwiGLU, GeGLU and ReGLU. */
typedef enum rt_gate {
    RT_GATE_SIGMOID,
    RT_GATE_SILU,
    RT_GATE_GELU,
    RT_GATE_GELU_TANH,
    RT_GATE_RELU
} rt_gate;
#define RT_FIELDS_glu(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape with an even size along the axis")                \
    F(INT, axis, -1, RT_WITHIN(-RT_MAX_DIMS, RT_MAX_DIMS - 1), "the axis that is halved")          \
    F(CHOICE, gate, RT_GATE_SIGMOID, "sigmoid|silu|gelu|gelu_tanh|relu", "what b is put through")
typedef struct rt_glu_args {
    RT_STRUCT(RT_FIELDS_glu)
} rt_glu_args;
/* Returns a * gate(b) for the halves a and b of x along the axis, which the result has half of. */
#define rt_glu(...) RT_OP_CALL(rt_glu_, rt_glu_args, RT_FIELDS_glu, x, __VA_ARGS__)
RT_API rt_tensor *rt_glu_(rt_glu_args a);
#define RT_FIELDS_threshold(F)                                                                     \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL,                                               \
      "any shape; a number with a fraction makes integers float32")                                \
    F(NUMBER, threshold, RT_NEEDED, RT_ANY, "elements above it stay")                              \
    F(NUMBER, value, RT_NEEDED, RT_ANY, "replaces the other elements")
typedef struct rt_threshold_args {
    RT_STRUCT(RT_FIELDS_threshold)
} rt_threshold_args;
/* Returns x where x > threshold, otherwise value. */
#define rt_threshold(...)                                                                          \
    RT_OP_CALL(rt_threshold_, rt_threshold_args, RT_FIELDS_threshold, x, __VA_ARGS__)
#define rt_threshold_inplace(...)                                                                  \
    RT_OP_CALL(rt_threshold_inplace_, rt_threshold_args, RT_FIELDS_threshold, x, __VA_ARGS__)
RT_API rt_tensor *rt_threshold_(rt_threshold_args a);
RT_API rt_tensor *rt_threshold_inplace_(rt_threshold_args a);

/* ---- two operands and a number ---- */
#define RT_SCALED_FIELDS(F)                                                                        \
    F(INPUT, a, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, b, RT_NEEDED, RT_ANY_TYPE, "one that broadcasts with it")                             \
    F(NUMBER, alpha, 1, RT_ANY, "a factor; one with a fraction makes integers float32")
typedef struct rt_scaled_args {
    RT_STRUCT(RT_SCALED_FIELDS)
} rt_scaled_args;
/* Returns a + alpha * b, as PyTorch's add and, with -alpha, sub do. */
#define rt_add_scaled(...)                                                                         \
    RT_OP_CALL(rt_add_scaled_, rt_scaled_args, RT_SCALED_FIELDS, a, __VA_ARGS__)
#define rt_add_scaled_inplace(...)                                                                 \
    RT_OP_CALL(rt_add_scaled_inplace_, rt_scaled_args, RT_SCALED_FIELDS, a, __VA_ARGS__)
/* Returns b - alpha * a. */
#define rt_rsub(...) RT_OP_CALL(rt_rsub_, rt_scaled_args, RT_SCALED_FIELDS, a, __VA_ARGS__)
RT_API rt_tensor *rt_add_scaled_(rt_scaled_args a);
RT_API rt_tensor *rt_add_scaled_inplace_(rt_scaled_args a);
RT_API rt_tensor *rt_rsub_(rt_scaled_args a);
#define RT_FIELDS_logit(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "any shape")                                    \
    F(NUMBER, eps, RT_NOT_GIVEN, RT_MAYBE(RT_WITHIN(0, 1)),                                        \
      "x is limited to [eps, 1 - eps]; not at all if omitted")
typedef struct rt_logit_args {
    RT_STRUCT(RT_FIELDS_logit)
} rt_logit_args;
/* Returns log(x / (1 - x)): NaN beyond 0 and 1. The gradient is 0 beyond the limits. */
#define rt_logit(...) RT_OP_CALL(rt_logit_, rt_logit_args, RT_FIELDS_logit, x, __VA_ARGS__)
#define rt_logit_inplace(...)                                                                      \
    RT_OP_CALL(rt_logit_inplace_, rt_logit_args, RT_FIELDS_logit, x, __VA_ARGS__)
RT_API rt_tensor *rt_logit_(rt_logit_args a);
RT_API rt_tensor *rt_logit_inplace_(rt_logit_args a);
/* Returns the n-th derivative of digamma, n >= 0. At 0 and the negative integers it is infinite, or, for
 * n = 0, as digamma there. */
RT_API rt_tensor *rt_polygamma(rt_tensor *x, int64_t n);

/* ---- three operands ----
 * The operands broadcast together and are converted to one type, as those of rt_add are. */
#define RT_FIELDS_lerp(F)                                                                          \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_COMPLEX, "the value at 0")                  \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_COMPLEX, "the value at 1")                  \
    F(INPUT, w, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_COMPLEX, "position between the two")
typedef struct rt_lerp_args {
    RT_STRUCT(RT_FIELDS_lerp)
} rt_lerp_args;
/* Returns a + w * (b - a), computed from the nearer end: exactly a for w = 0 and exactly b for w =
 * 1. */
#define rt_lerp(...) RT_OP_CALL(rt_lerp_, rt_lerp_args, RT_FIELDS_lerp, a, __VA_ARGS__)
#define rt_lerp_inplace(...)                                                                       \
    RT_OP_CALL(rt_lerp_inplace_, rt_lerp_args, RT_FIELDS_lerp, a, __VA_ARGS__)
RT_API rt_tensor *rt_lerp_(rt_lerp_args a);
RT_API rt_tensor *rt_lerp_inplace_(rt_lerp_args a);
#define RT_FIELDS_addcmul(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "any shape")                                  \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "a factor")                                   \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "a factor")                                   \
    F(NUMBER, value, 1, RT_ANY, "a factor; one with a fraction makes integers float32")
typedef struct rt_addcmul_args {
    RT_STRUCT(RT_FIELDS_addcmul)
} rt_addcmul_args;
/* Returns x + value * a * b. */
#define rt_addcmul(...) RT_OP_CALL(rt_addcmul_, rt_addcmul_args, RT_FIELDS_addcmul, x, __VA_ARGS__)
#define rt_addcmul_inplace(...)                                                                    \
    RT_OP_CALL(rt_addcmul_inplace_, rt_addcmul_args, RT_FIELDS_addcmul, x, __VA_ARGS__)
RT_API rt_tensor *rt_addcmul_(rt_addcmul_args a);
RT_API rt_tensor *rt_addcmul_inplace_(rt_addcmul_args a);
#define RT_FIELDS_addcdiv(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_COMPLEX, "any shape")                       \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_COMPLEX, "the dividend")                    \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_COMPLEX, "the divisor")                     \
    F(NUMBER, value, 1, RT_ANY, "a factor")
typedef struct rt_addcdiv_args {
    RT_STRUCT(RT_FIELDS_addcdiv)
} rt_addcdiv_args;
/* Returns x + value * a / b. */
#define rt_addcdiv(...) RT_OP_CALL(rt_addcdiv_, rt_addcdiv_args, RT_FIELDS_addcdiv, x, __VA_ARGS__)
#define rt_addcdiv_inplace(...)                                                                    \
    RT_OP_CALL(rt_addcdiv_inplace_, rt_addcdiv_args, RT_FIELDS_addcdiv, x, __VA_ARGS__)
RT_API rt_tensor *rt_addcdiv_(rt_addcdiv_args a);
RT_API rt_tensor *rt_addcdiv_inplace_(rt_addcdiv_args a);

#define RT_FIELDS_clamp_by(F)                                                                      \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, low, RT_OPTIONAL, RT_ANY_TYPE, "lower limits; not given: none")                       \
    F(INPUT, high, RT_OPTIONAL, RT_ANY_TYPE, "upper limits, which win; not given: none")
typedef struct rt_clamp_by_args {
    RT_STRUCT(RT_FIELDS_clamp_by)
} rt_clamp_by_args;
/* Returns rt_clamp_max(rt_clamp_min(x, low), high): rt_clamp with tensors for limits, which get a share of
 * the gradient as those two say. */
#define rt_clamp_by(...)                                                                           \
    RT_OP_CALL(rt_clamp_by_, rt_clamp_by_args, RT_FIELDS_clamp_by, x, __VA_ARGS__)
#define rt_clamp_by_inplace(...)                                                                   \
    RT_OP_CALL(rt_clamp_by_inplace_, rt_clamp_by_args, RT_FIELDS_clamp_by, x, __VA_ARGS__)
RT_API rt_tensor *rt_clamp_by_(rt_clamp_by_args a);
RT_API rt_tensor *rt_clamp_by_inplace_(rt_clamp_by_args a);

/* ---- with random numbers ---- */
#define RT_FIELDS_rrelu(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, lower, 1.0 / 8, RT_ANY, "the least slope")                                           \
    F(NUMBER, upper, 1.0 / 3, RT_ANY, "all slopes lie below it")                                   \
    F(FLAG, training, false, RT_ANY,                                                               \
      "whether slopes are random; else all are the mean of both ends")
typedef struct rt_rrelu_args {
    RT_STRUCT(RT_FIELDS_rrelu)
} rt_rrelu_args;
/* Returns x where x > 0, otherwise x times a slope, in training a random one for each element, from
 * the thread's random streams (Xu et al. 2015). */
#define rt_rrelu(...) RT_OP_CALL(rt_rrelu_, rt_rrelu_args, RT_FIELDS_rrelu, x, __VA_ARGS__)
#define rt_rrelu_inplace(...)                                                                      \
    RT_OP_CALL(rt_rrelu_inplace_, rt_rrelu_args, RT_FIELDS_rrelu, x, __VA_ARGS__)
RT_API rt_tensor *rt_rrelu_(rt_rrelu_args a);
RT_API rt_tensor *rt_rrelu_inplace_(rt_rrelu_args a);
/* Sets each element to zero with probability p and scales the others by 1 / (1 - p). The mask
 * comes from the thread's random streams. There is no mode for evaluation, as a layer has
 * (rt_nn_dropout): a program that evaluates leaves the call out, or gives p = 0. */
RT_API rt_tensor *rt_dropout(rt_tensor *x, double p);

RT_END_DECLS

#endif
