/* Operations on tensors: each is differentiable unless it says so, works on strided views, and
 * broadcasts as NumPy does.
 *
 *     rt_tensor *h = rt_relu(rt_conv2d(x, w, .bias = b, .padding = {1, 1}));
 *     rt_tensor *loss = rt_cross_entropy(rt_linear(rt_flatten(h, 1, -1), w2, b2), y);
 *
 * Arguments are one struct per op, required tensors first; what is left out has its default
 * (export.h). Names and semantics are PyTorch's.
 *
 * Several results come in a struct, by their names; all are NULL if the call fails, and each is owned by the scope:
 *
 *     rt_tensor *best = rt_topk(scores, 5).values;
 *     rt_var_mean_results m = rt_var_mean(x, rt_shape(0));
 *     rt_tensor *y = rt_div(rt_sub(x, m.mean), rt_sqrt(m.var)); */
#ifndef RINGTORCH_OPS_H
#define RINGTORCH_OPS_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

/* ---- elementwise: one row of kernels/elementwise.def each, which finds its arguments as RT_FIELDS_<name> ----
 * Each has rt_<name>_inplace beside it, and rt_op_find knows that as <name>_: it puts the result in the place of the first argument, which
 * it returns. That keeps its type and its shape; what backward is told, and what is refused, says rt_apply_in_place (op.h). A parameter
 * is written after rt_no_grad_begin.
 *
 *     rt_relu_inplace(h);                                        // no memory beside h
 *     rt_mul_inplace(rt_narrow(x, 0, 0, 2), mask);               // x[0:2] *= mask, and x has the history of it
 *
 * y = f(x), same shape. Of integers neg, abs, relu, square, sign, floor, ceil and round are integers; the others
 * compute them as float32. */
rt_tensor *rt_neg(rt_tensor *x);
rt_tensor *rt_neg_inplace(rt_tensor *x);
/* |x|; gradient sign(x), 0 at 0. */
rt_tensor *rt_abs(rt_tensor *x);
rt_tensor *rt_abs_inplace(rt_tensor *x);
/* max(x, 0); gradient 0 at 0; NaN stays NaN. */
rt_tensor *rt_relu(rt_tensor *x);
rt_tensor *rt_relu_inplace(rt_tensor *x);
/* x * x. */
rt_tensor *rt_square(rt_tensor *x);
rt_tensor *rt_square_inplace(rt_tensor *x);
/* Square root; NaN below 0, gradient infinite at 0. */
rt_tensor *rt_sqrt(rt_tensor *x);
rt_tensor *rt_sqrt_inplace(rt_tensor *x);
/* 1 / sqrt(x). */
rt_tensor *rt_rsqrt(rt_tensor *x);
rt_tensor *rt_rsqrt_inplace(rt_tensor *x);
/* 1 / x. */
rt_tensor *rt_reciprocal(rt_tensor *x);
rt_tensor *rt_reciprocal_inplace(rt_tensor *x);
/* e to the x. */
rt_tensor *rt_exp(rt_tensor *x);
rt_tensor *rt_exp_inplace(rt_tensor *x);
/* e to the x, minus 1, exact near 0. */
rt_tensor *rt_expm1(rt_tensor *x);
rt_tensor *rt_expm1_inplace(rt_tensor *x);
/* Natural logarithm; -inf at 0, NaN below. */
rt_tensor *rt_log(rt_tensor *x);
rt_tensor *rt_log_inplace(rt_tensor *x);
/* log(1 + x), exact near 0. */
rt_tensor *rt_log1p(rt_tensor *x);
rt_tensor *rt_log1p_inplace(rt_tensor *x);
/* 1 / (1 + exp(-x)), without overflow. */
rt_tensor *rt_sigmoid(rt_tensor *x);
rt_tensor *rt_sigmoid_inplace(rt_tensor *x);
/* Hyperbolic tangent. */
rt_tensor *rt_tanh(rt_tensor *x);
rt_tensor *rt_tanh_inplace(rt_tensor *x);
/* Error function, 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x. */
rt_tensor *rt_erf(rt_tensor *x);
rt_tensor *rt_erf_inplace(rt_tensor *x);
/* x * Phi(x), by erf (Hendrycks and Gimpel 2016). */
rt_tensor *rt_gelu(rt_tensor *x);
rt_tensor *rt_gelu_inplace(rt_tensor *x);
/* The tanh approximation of rt_gelu in the same paper. */
rt_tensor *rt_gelu_tanh(rt_tensor *x);
rt_tensor *rt_gelu_tanh_inplace(rt_tensor *x);
/* x * sigmoid(x). */
rt_tensor *rt_silu(rt_tensor *x);
rt_tensor *rt_silu_inplace(rt_tensor *x);
/* log(1 + exp(x)), without overflow. */
rt_tensor *rt_softplus(rt_tensor *x);
rt_tensor *rt_softplus_inplace(rt_tensor *x);
/* Sine of x in radians. */
rt_tensor *rt_sin(rt_tensor *x);
rt_tensor *rt_sin_inplace(rt_tensor *x);
/* Cosine of x in radians. */
rt_tensor *rt_cos(rt_tensor *x);
rt_tensor *rt_cos_inplace(rt_tensor *x);
/* -1, 0 or 1; gradient 0. */
rt_tensor *rt_sign(rt_tensor *x);
rt_tensor *rt_sign_inplace(rt_tensor *x);
/* Towards minus infinity; gradient 0. */
rt_tensor *rt_floor(rt_tensor *x);
rt_tensor *rt_floor_inplace(rt_tensor *x);
/* Towards infinity; gradient 0. */
rt_tensor *rt_ceil(rt_tensor *x);
rt_tensor *rt_ceil_inplace(rt_tensor *x);
/* To the nearest, half to even; gradient 0. */
rt_tensor *rt_round(rt_tensor *x);
rt_tensor *rt_round_inplace(rt_tensor *x);

/* Two operands, broadcast together and of any types: both are converted to what rt_result_type says, and gradients come back in the type
 * of each operand. */
rt_tensor *rt_add(rt_tensor *a, rt_tensor *b);
rt_tensor *rt_add_inplace(rt_tensor *a, rt_tensor *b);
/* a - b. */
rt_tensor *rt_sub(rt_tensor *a, rt_tensor *b);
rt_tensor *rt_sub_inplace(rt_tensor *a, rt_tensor *b);
/* a * b. */
rt_tensor *rt_mul(rt_tensor *a, rt_tensor *b);
rt_tensor *rt_mul_inplace(rt_tensor *a, rt_tensor *b);
/* a / b; of integers float32. */
rt_tensor *rt_div(rt_tensor *a, rt_tensor *b);
rt_tensor *rt_div_inplace(rt_tensor *a, rt_tensor *b);
/* a / b without its fraction (PyTorch's div with rounding_mode="trunc"); gradient 0. Of integers an integer, and by zero fails. */
rt_tensor *rt_div_trunc(rt_tensor *a, rt_tensor *b);
rt_tensor *rt_div_trunc_inplace(rt_tensor *a, rt_tensor *b);
/* a to the b. */
rt_tensor *rt_pow(rt_tensor *a, rt_tensor *b);
rt_tensor *rt_pow_inplace(rt_tensor *a, rt_tensor *b);
/* The larger one; NaN wins, ties share the gradient. */
rt_tensor *rt_maximum(rt_tensor *a, rt_tensor *b);
rt_tensor *rt_maximum_inplace(rt_tensor *a, rt_tensor *b);
/* The smaller one; NaN wins, ties share the gradient. */
rt_tensor *rt_minimum(rt_tensor *a, rt_tensor *b);
rt_tensor *rt_minimum_inplace(rt_tensor *a, rt_tensor *b);
/* With a number: no tensor is made for it. One without fraction leaves integers what they are, another makes them float32; of bool both
 * make a number. */
rt_tensor *rt_add_scalar(rt_tensor *a, double s);
/* a * s. */
rt_tensor *rt_mul_scalar(rt_tensor *a, double s);
/* a to the s. */
rt_tensor *rt_pow_scalar(rt_tensor *a, double s);
/* Comparisons give bool; no gradient. */
rt_tensor *rt_eq(rt_tensor *a, rt_tensor *b);
/* a != b. */
rt_tensor *rt_ne(rt_tensor *a, rt_tensor *b);
/* a < b. */
rt_tensor *rt_lt(rt_tensor *a, rt_tensor *b);
/* a <= b. */
rt_tensor *rt_le(rt_tensor *a, rt_tensor *b);
/* a > b. */
rt_tensor *rt_gt(rt_tensor *a, rt_tensor *b);
/* a >= b. */
rt_tensor *rt_ge(rt_tensor *a, rt_tensor *b);
/* Elements of a where the bool condition holds, else of b; all three broadcast. */
rt_tensor *rt_where(rt_tensor *condition, rt_tensor *a, rt_tensor *b);

/* One operand and numbers, which have the values below where none are given: rt_leaky_relu(x), rt_clamp(x, .low = 0). */
#define RT_FIELDS_leaky_relu(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, slope, 0.01, RT_ANY, "slope of the negative side")
typedef struct rt_leaky_relu_args {
    RT_STRUCT(RT_FIELDS_leaky_relu)
} rt_leaky_relu_args;
#define rt_leaky_relu(...)                                                                         \
    RT_OP_CALL(rt_leaky_relu_, rt_leaky_relu_args, RT_FIELDS_leaky_relu, x, __VA_ARGS__)
#define rt_leaky_relu_inplace(...)                                                                 \
    RT_OP_CALL(rt_leaky_relu_inplace_, rt_leaky_relu_args, RT_FIELDS_leaky_relu, x, __VA_ARGS__)
/* x where x > 0, else slope * x; gradient slope at 0. */
rt_tensor *rt_leaky_relu_(rt_leaky_relu_args a);
rt_tensor *rt_leaky_relu_inplace_(rt_leaky_relu_args a);
#define RT_FIELDS_elu(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, alpha, 1, RT_ANY, "minus the limit at minus infinity")
typedef struct rt_elu_args {
    RT_STRUCT(RT_FIELDS_elu)
} rt_elu_args;
#define rt_elu(...)         RT_OP_CALL(rt_elu_, rt_elu_args, RT_FIELDS_elu, x, __VA_ARGS__)
#define rt_elu_inplace(...) RT_OP_CALL(rt_elu_inplace_, rt_elu_args, RT_FIELDS_elu, x, __VA_ARGS__)
/* x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2016). */
rt_tensor *rt_elu_(rt_elu_args a);
rt_tensor *rt_elu_inplace_(rt_elu_args a);
#define RT_FIELDS_celu(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, alpha, 1, RT_FROM(1e-30), "minus the limit at minus infinity")
typedef struct rt_celu_args {
    RT_STRUCT(RT_FIELDS_celu)
} rt_celu_args;
#define rt_celu(...) RT_OP_CALL(rt_celu_, rt_celu_args, RT_FIELDS_celu, x, __VA_ARGS__)
#define rt_celu_inplace(...)                                                                       \
    RT_OP_CALL(rt_celu_inplace_, rt_celu_args, RT_FIELDS_celu, x, __VA_ARGS__)
/* x where x > 0, else alpha * (exp(x / alpha) - 1), whose slope at 0 is 1 (Barron 2017). */
rt_tensor *rt_celu_(rt_celu_args a);
rt_tensor *rt_celu_inplace_(rt_celu_args a);
#define RT_FIELDS_clamp(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL,                                               \
      "any shape; a fraction below makes integers float32")                                        \
    F(NUMBER, low, -__builtin_inf(), RT_ANY, "the least that is left")                             \
    F(NUMBER, high, __builtin_inf(), RT_ANY, "the most; it holds where the ends cross")
typedef struct rt_clamp_args {
    RT_STRUCT(RT_FIELDS_clamp)
} rt_clamp_args;
#define rt_clamp(...) RT_OP_CALL(rt_clamp_, rt_clamp_args, RT_FIELDS_clamp, x, __VA_ARGS__)
#define rt_clamp_inplace(...)                                                                      \
    RT_OP_CALL(rt_clamp_inplace_, rt_clamp_args, RT_FIELDS_clamp, x, __VA_ARGS__)
/* min(max(x, low), high); gradient 1 at the ends, 0 beyond; an end that is NaN gives NaN. */
rt_tensor *rt_clamp_(rt_clamp_args a);
rt_tensor *rt_clamp_inplace_(rt_clamp_args a);
#define RT_FIELDS_hardtanh(F)                                                                      \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL,                                               \
      "any shape; a fraction below makes integers float32")                                        \
    F(NUMBER, low, -1, RT_ANY, "the least that is left")                                           \
    F(NUMBER, high, 1, RT_ANY, "the most that is left")
typedef struct rt_hardtanh_args {
    RT_STRUCT(RT_FIELDS_hardtanh)
} rt_hardtanh_args;
#define rt_hardtanh(...)                                                                           \
    RT_OP_CALL(rt_hardtanh_, rt_hardtanh_args, RT_FIELDS_hardtanh, x, __VA_ARGS__)
#define rt_hardtanh_inplace(...)                                                                   \
    RT_OP_CALL(rt_hardtanh_inplace_, rt_hardtanh_args, RT_FIELDS_hardtanh, x, __VA_ARGS__)
/* As rt_clamp, but with gradient 0 at the ends. */
rt_tensor *rt_hardtanh_(rt_hardtanh_args a);
rt_tensor *rt_hardtanh_inplace_(rt_hardtanh_args a);
#define RT_FIELDS_softshrink(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, lambda, 0.5, RT_FROM(0), "how much nearer to 0")
typedef struct rt_softshrink_args {
    RT_STRUCT(RT_FIELDS_softshrink)
} rt_softshrink_args;
#define rt_softshrink(...)                                                                         \
    RT_OP_CALL(rt_softshrink_, rt_softshrink_args, RT_FIELDS_softshrink, x, __VA_ARGS__)
#define rt_softshrink_inplace(...)                                                                 \
    RT_OP_CALL(rt_softshrink_inplace_, rt_softshrink_args, RT_FIELDS_softshrink, x, __VA_ARGS__)
/* x moved towards 0 by lambda, and 0 within it. */
rt_tensor *rt_softshrink_(rt_softshrink_args a);
rt_tensor *rt_softshrink_inplace_(rt_softshrink_args a);
#define RT_FIELDS_hardshrink(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(NUMBER, lambda, 0.5, RT_ANY, "how far from 0")
typedef struct rt_hardshrink_args {
    RT_STRUCT(RT_FIELDS_hardshrink)
} rt_hardshrink_args;
#define rt_hardshrink(...)                                                                         \
    RT_OP_CALL(rt_hardshrink_, rt_hardshrink_args, RT_FIELDS_hardshrink, x, __VA_ARGS__)
#define rt_hardshrink_inplace(...)                                                                 \
    RT_OP_CALL(rt_hardshrink_inplace_, rt_hardshrink_args, RT_FIELDS_hardshrink, x, __VA_ARGS__)
/* x where |x| > lambda, else 0. */
rt_tensor *rt_hardshrink_(rt_hardshrink_args a);
rt_tensor *rt_hardshrink_inplace_(rt_hardshrink_args a);
#define RT_FIELDS_threshold(F)                                                                     \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL,                                               \
      "any shape; a fraction below makes integers float32")                                        \
    F(NUMBER, threshold, RT_NEEDED, RT_ANY, "what x must be above")                                \
    F(NUMBER, value, RT_NEEDED, RT_ANY, "what stands where it is not")
typedef struct rt_threshold_args {
    RT_STRUCT(RT_FIELDS_threshold)
} rt_threshold_args;
#define rt_threshold(...)                                                                          \
    RT_OP_CALL(rt_threshold_, rt_threshold_args, RT_FIELDS_threshold, x, __VA_ARGS__)
#define rt_threshold_inplace(...)                                                                  \
    RT_OP_CALL(rt_threshold_inplace_, rt_threshold_args, RT_FIELDS_threshold, x, __VA_ARGS__)
/* x where x > threshold, else value. */
rt_tensor *rt_threshold_(rt_threshold_args a);
rt_tensor *rt_threshold_inplace_(rt_threshold_args a);

/* Three operands that broadcast together, converted to one type as those of rt_add are. */
#define RT_FIELDS_lerp(F)                                                                          \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "the value at 0")                               \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "the value at 1")                               \
    F(INPUT, w, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "the place between them")
typedef struct rt_lerp_args {
    RT_STRUCT(RT_FIELDS_lerp)
} rt_lerp_args;
#define rt_lerp(...) RT_OP_CALL(rt_lerp_, rt_lerp_args, RT_FIELDS_lerp, a, __VA_ARGS__)
#define rt_lerp_inplace(...)                                                                       \
    RT_OP_CALL(rt_lerp_inplace_, rt_lerp_args, RT_FIELDS_lerp, a, __VA_ARGS__)
/* a + w * (b - a), from the nearer end: exactly a at 0 and b at 1. */
rt_tensor *rt_lerp_(rt_lerp_args a);
rt_tensor *rt_lerp_inplace_(rt_lerp_args a);
#define RT_FIELDS_addcmul(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "any shape")                                  \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "a factor")                                   \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "a factor")                                   \
    F(NUMBER, value, 1, RT_ANY, "a factor; with a fraction it makes integers float32")
typedef struct rt_addcmul_args {
    RT_STRUCT(RT_FIELDS_addcmul)
} rt_addcmul_args;
#define rt_addcmul(...) RT_OP_CALL(rt_addcmul_, rt_addcmul_args, RT_FIELDS_addcmul, x, __VA_ARGS__)
#define rt_addcmul_inplace(...)                                                                    \
    RT_OP_CALL(rt_addcmul_inplace_, rt_addcmul_args, RT_FIELDS_addcmul, x, __VA_ARGS__)
/* x + value * a * b. */
rt_tensor *rt_addcmul_(rt_addcmul_args a);
rt_tensor *rt_addcmul_inplace_(rt_addcmul_args a);
#define RT_FIELDS_addcdiv(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "any shape")                                    \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "the dividend")                                 \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "the divisor")                                  \
    F(NUMBER, value, 1, RT_ANY, "a factor")
typedef struct rt_addcdiv_args {
    RT_STRUCT(RT_FIELDS_addcdiv)
} rt_addcdiv_args;
#define rt_addcdiv(...) RT_OP_CALL(rt_addcdiv_, rt_addcdiv_args, RT_FIELDS_addcdiv, x, __VA_ARGS__)
#define rt_addcdiv_inplace(...)                                                                    \
    RT_OP_CALL(rt_addcdiv_inplace_, rt_addcdiv_args, RT_FIELDS_addcdiv, x, __VA_ARGS__)
/* x + value * a / b. */
rt_tensor *rt_addcdiv_(rt_addcdiv_args a);
rt_tensor *rt_addcdiv_inplace_(rt_addcdiv_args a);

/* ---- reductions: fixed order, the same for any number of threads ----
 * Floats; sum also integers and bool, as int64; the extremes also integers. An empty sum is 0, an empty mean NaN. */
#define RT_REDUCE_VALUES(F)                                                                        \
    F(DIMS, axes, RT_EMPTY, RT_ANY, "the axes, such as rt_shape(0, 2); none: all")                 \
    F(FLAG, keep_dim, false, RT_ANY, "keeps the axes, with size 1")
#define RT_REDUCE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape") RT_REDUCE_VALUES(F)
typedef struct rt_reduce_args {
    RT_STRUCT(RT_REDUCE_FIELDS)
} rt_reduce_args;
#define rt_sum(...)  RT_CALL(rt_sum_, rt_reduce_args, x, __VA_ARGS__)
#define rt_mean(...) RT_CALL(rt_mean_, rt_reduce_args, x, __VA_ARGS__)
#define rt_amax(...) RT_CALL(rt_amax_, rt_reduce_args, x, __VA_ARGS__)
#define rt_amin(...) RT_CALL(rt_amin_, rt_reduce_args, x, __VA_ARGS__)
/* Sum over the axes. */
rt_tensor *rt_sum_(rt_reduce_args a);
/* Mean over the axes; of floats. */
rt_tensor *rt_mean_(rt_reduce_args a);
/* Largest over the axes; NaN wins, ties share the gradient equally, none fails. */
rt_tensor *rt_amax_(rt_reduce_args a);
/* Smallest over the axes; likewise. */
rt_tensor *rt_amin_(rt_reduce_args a);
/* int64 index of the first largest element along an axis, which is dropped; no gradient. */
rt_tensor *rt_argmax(rt_tensor *x, int axis);
#define RT_VAR_MEAN_FIELDS(F)                                                                      \
    RT_REDUCE_FIELDS(F)                                                                            \
    F(NUMBER, correction, 1, RT_FROM(0),                                                           \
      "what is taken from the number of elements; 0: no bias is corrected")
typedef struct rt_var_mean_args {
    RT_STRUCT(RT_VAR_MEAN_FIELDS)
} rt_var_mean_args;
typedef struct rt_var_mean_results {
    rt_tensor *var, *mean;
} rt_var_mean_results;
#define rt_var_mean(...)                                                                           \
    RT_OP_CALL(rt_var_mean_, rt_var_mean_args, RT_VAR_MEAN_FIELDS, x, __VA_ARGS__)
/* Variance, the sum of (x - mean)^2 over their number minus the correction, and mean, over the axes. Where no more elements are there
 * than are taken away, the variance is NaN or infinite. */
rt_var_mean_results rt_var_mean_(rt_var_mean_args a);

/* ---- order ---- */
#define RT_TOPK_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(INT, k, RT_NEEDED, RT_ANY, "how many; at most the size of the axis")                         \
    F(INT, axis, -1, RT_ANY, "the axis, which has size k then")                                    \
    F(FLAG, largest, true, RT_ANY, "else the smallest")                                            \
    F(FLAG, sorted, true, RT_ANY, "the first one first; else in the order of x")
typedef struct rt_topk_args {
    RT_STRUCT(RT_TOPK_FIELDS)
} rt_topk_args;
typedef struct rt_topk_results {
    rt_tensor *values, *index; /* index: int64, along the axis, without gradient */
} rt_topk_results;
#define rt_topk(...) RT_OP_CALL(rt_topk_, rt_topk_args, RT_TOPK_FIELDS, x, __VA_ARGS__)
/* The k largest elements along an axis and where they are. Of equal ones the first; NaN counts as largest. */
rt_topk_results rt_topk_(rt_topk_args a);

/* ---- linear algebra ---- */
/* Last two axes multiply, axes before them broadcast; 1-D operands as in torch.matmul. */
#define RT_MATMUL_FIELDS(F)                                                                        \
    F(INPUT, a, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., m, k] or [k]")                              \
    F(INPUT, b, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., k, n] or [k]")                              \
    F(FLAG, transpose_a, false, RT_ANY, "the last two axes of a are stored swapped")               \
    F(FLAG, transpose_b, false, RT_ANY, "those of b are")
typedef struct rt_matmul_args {
    RT_STRUCT(RT_MATMUL_FIELDS)
} rt_matmul_args;
#define rt_matmul(...) RT_OP_CALL(rt_matmul_, rt_matmul_args, RT_MATMUL_FIELDS, a, __VA_ARGS__)
/* The product, a new tensor [..., m, n]; fails where sizes do not fit and names both shapes. */
rt_tensor *rt_matmul_(rt_matmul_args a);
#define RT_LINEAR_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., in]")                                       \
    F(INPUT, w, RT_NEEDED, RT_SAME | RT_FLOATS, "[out, in]")                                       \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[out]")
typedef struct rt_linear_args {
    RT_STRUCT(RT_LINEAR_FIELDS)
} rt_linear_args;
#define rt_linear(...) RT_OP_CALL(rt_linear_, rt_linear_args, RT_LINEAR_FIELDS, x, __VA_ARGS__)
/* x w^T + bias, [..., out]: as rt_matmul with w transposed, and the bias, if there is one, added. */
rt_tensor *rt_linear_(rt_linear_args a);

/* ---- convolution and pooling: NCHW ----
 * Pairs are of height and width: both or none are given. */
#define RT_CONV2D_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, in, h, w]")                                   \
    F(INPUT, w, RT_NEEDED, RT_SAME | RT_FLOATS, "[out, in/groups, kh, kw]")                        \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[out]")                                      \
    F(PAIR, stride, (1, 1), RT_WITHIN(1, INT32_MAX), "steps of the kernel")                        \
    F(PAIR, padding, (0, 0), RT_WITHIN(0, INT32_MAX), "zeros on both sides")                       \
    F(PAIR, dilation, (1, 1), RT_WITHIN(1, INT32_MAX), "distance between the kernel's elements")   \
    F(INT, groups, 1, RT_WITHIN(1, INT32_MAX), "of channels that do not mix; divides in and out")  \
    F(FLAG, same, false, RT_ANY, "pad to keep the size (stride 1); an odd one goes to the end")
typedef struct rt_conv2d_args {
    RT_STRUCT(RT_CONV2D_FIELDS)
} rt_conv2d_args;
#define rt_conv2d(...) RT_OP_CALL(rt_conv2d_, rt_conv2d_args, RT_CONV2D_FIELDS, x, __VA_ARGS__)
/* Correlation, as all frameworks call it: [n, out, h', w']. */
rt_tensor *rt_conv2d_(rt_conv2d_args a);

/* Batch normalisation (Ioffe and Szegedy 2015) over all axes but the second, that of the channels c. */
#define RT_BATCH_NORM_FIELDS(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, c, ...]")                                     \
    F(INPUT, weight, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 1")                             \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 0")                               \
    F(NUMBER, eps, 1e-5, RT_FROM(0), "added to the variance")
typedef struct rt_batch_norm_args {
    RT_STRUCT(RT_BATCH_NORM_FIELDS)
} rt_batch_norm_args;
typedef struct rt_batch_norm_results {
    rt_tensor *y, *mean,
        *var; /* mean and variance of each channel [c], the latter without correction */
} rt_batch_norm_results;
#define rt_batch_norm(...)                                                                         \
    RT_OP_CALL(rt_batch_norm_, rt_batch_norm_args, RT_BATCH_NORM_FIELDS, x, __VA_ARGS__)
/* y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and variance of the batch, as in training. */
rt_batch_norm_results rt_batch_norm_(rt_batch_norm_args a);

#define RT_BATCH_NORM_BY_FIELDS(F)                                                                 \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, c, ...]")                                     \
    F(INPUT, mean, RT_NEEDED, RT_SAME | RT_FLOATS, "[c]")                                          \
    F(INPUT, var, RT_NEEDED, RT_SAME | RT_FLOATS, "[c]")                                           \
    F(INPUT, weight, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 1")                             \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 0")                               \
    F(NUMBER, eps, 1e-5, RT_FROM(0), "added to the variance")
typedef struct rt_batch_norm_by_args {
    RT_STRUCT(RT_BATCH_NORM_BY_FIELDS)
} rt_batch_norm_by_args;
#define rt_batch_norm_by(...)                                                                      \
    RT_OP_CALL(rt_batch_norm_by_, rt_batch_norm_by_args, RT_BATCH_NORM_BY_FIELDS, x, __VA_ARGS__)
/* The same with a mean and a variance that are given, as in evaluation. */
rt_tensor *rt_batch_norm_by_(rt_batch_norm_by_args a);

#define RT_POOL2D_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "[n, c, h, w]")                                              \
    F(PAIR, kernel, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "size of the window")                      \
    F(PAIR, stride, (0, 0), RT_WITHIN(0, INT32_MAX), "steps of the window; 0: its size")           \
    F(PAIR, padding, (0, 0), RT_WITHIN(0, INT32_MAX),                                              \
      "on both sides, at most half the kernel; -inf for max, counted zeros for avg")
typedef struct rt_pool2d_args {
    RT_STRUCT(RT_POOL2D_FIELDS)
} rt_pool2d_args;
#define rt_max_pool2d(...)                                                                         \
    RT_OP_CALL(rt_max_pool2d_, rt_pool2d_args, RT_POOL2D_FIELDS, x, __VA_ARGS__)
#define rt_avg_pool2d(...)                                                                         \
    RT_OP_CALL(rt_avg_pool2d_, rt_pool2d_args, RT_POOL2D_FIELDS, x, __VA_ARGS__)
/* The largest of each window; ties: the first; NaN wins. */
rt_tensor *rt_max_pool2d_(rt_pool2d_args a);
/* The mean of each window. */
rt_tensor *rt_avg_pool2d_(rt_pool2d_args a);

/* ---- softmax, norms, attention, dropout, indexing ---- */
/* exp(x) / sum of exp(x) along one axis, without overflow. */
rt_tensor *rt_softmax(rt_tensor *x, int axis);
/* log(softmax(x)), without overflow; likewise along one axis. */
rt_tensor *rt_log_softmax(rt_tensor *x, int axis);
#define RT_LAYER_NORM_FIELDS(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "any shape but a scalar's")                        \
    F(INPUT, weight, RT_OPTIONAL, RT_SAME | RT_FLOATS, "of the shape of the last axes")            \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "the same")                                   \
    F(NUMBER, eps, 1e-5, RT_FROM(0), "what is added to the variance")                              \
    F(INT, axes, 1, RT_WITHIN(1, RT_MAX_DIMS), "how many of the last axes are one row")
typedef struct rt_layer_norm_args {
    RT_STRUCT(RT_LAYER_NORM_FIELDS)
} rt_layer_norm_args;
#define rt_layer_norm(...)                                                                         \
    RT_OP_CALL(rt_layer_norm_, rt_layer_norm_args, RT_LAYER_NORM_FIELDS, x, __VA_ARGS__)
/* (x - mean) / sqrt(var + eps) * weight + bias over the last axes, var the mean of (x - mean)^2 (Ba et al. 2016). */
rt_tensor *rt_layer_norm_(rt_layer_norm_args a);
#define RT_ATTENTION_FIELDS(F)                                                                     \
    F(INPUT, q, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., t, d]")                                     \
    F(INPUT, k, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., s, d]")                                     \
    F(INPUT, v, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., s, e]")                                     \
    F(INPUT, mask, RT_OPTIONAL, RT_FLOATS | RT_TYPE(BOOL),                                         \
      "broadcasts to [..., t, s]; bool: what is seen, else what is added")                         \
    F(FLAG, causal, false, RT_ANY, "place i sees places 0 to i only")                              \
    F(NUMBER, scale, 0, RT_FROM(0),                                                                \
      "factor of q k^T; 0, with which nothing would be looked at: 1 / sqrt(d)")                    \
    F(NUMBER, dropout, 0, RT_WITHIN(0, 0.9999999), "probability that a weight is zeroed")
typedef struct rt_attention_args {
    RT_STRUCT(RT_ATTENTION_FIELDS)
} rt_attention_args;
#define rt_scaled_dot_product_attention(...)                                                       \
    RT_OP_CALL(rt_scaled_dot_product_attention_, rt_attention_args, RT_ATTENTION_FIELDS, q,        \
               __VA_ARGS__)
/* softmax(q k^T * scale + mask) v, [..., t, e] (Vaswani et al. 2017). A place that sees none is NaN. */
rt_tensor *rt_scaled_dot_product_attention_(rt_attention_args a);
/* Zeroes each element with probability p and scales the rest by 1/(1-p); mask from the thread's
 * random streams. */
rt_tensor *rt_dropout(rt_tensor *x, double p);
/* Rows of table [v, d] picked by int64 index [...] -> [..., d]; an index out of range fails and is
 * named. */
rt_tensor *rt_embedding(rt_tensor *table, rt_tensor *index);
/* Elements along `axis` at int64 index (same rank as x, and a scalar counts as one axis of one element); its gradient adds
 * in index order. */
rt_tensor *rt_gather(rt_tensor *x, int axis, rt_tensor *index);

/* ---- losses ---- */
typedef enum rt_reduction { RT_MEAN, RT_SUM, RT_NONE } rt_reduction;
#define RT_CROSS_ENTROPY_FIELDS(F)                                                                 \
    F(INPUT, logits, RT_NEEDED, RT_FLOATS, "[n, classes]")                                         \
    F(INPUT, target, RT_NEEDED, RT_TYPE(I64), "[n], each in [0, classes)")                         \
    F(NUMBER, label_smoothing, 0, RT_WITHIN(0, 1), "how much of each target goes to all classes")  \
    F(CHOICE, reduction, RT_MEAN, "mean|sum|none", "mean: over targets that are not ignored")      \
    F(INT, ignore_index, 0, RT_ANY, "rows with this target count nothing; needs .ignore")          \
    F(FLAG, ignore, false, RT_ANY, "there is an ignore_index")
typedef struct rt_cross_entropy_args {
    RT_STRUCT(RT_CROSS_ENTROPY_FIELDS)
} rt_cross_entropy_args;
/* A target outside [0, classes) fails, naming row and value. */
#define rt_cross_entropy(...) RT_CALL(rt_cross_entropy_, rt_cross_entropy_args, logits, __VA_ARGS__)
/* -log softmax(logits)[target], reduced as asked; smoothing as in Szegedy et al. 2016. */
rt_tensor *rt_cross_entropy_(rt_cross_entropy_args a);
#define RT_LOSS_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "any shape")                                  \
    F(INPUT, target, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "the same shape")                        \
    F(CHOICE, reduction, RT_MEAN, "mean|sum|none", "what becomes of the losses of the elements")
typedef struct rt_loss_args {
    RT_STRUCT(RT_LOSS_FIELDS)
} rt_loss_args;
#define rt_mse_loss(...) RT_OP_CALL(rt_mse_loss_, rt_loss_args, RT_LOSS_FIELDS, x, __VA_ARGS__)
#define rt_l1_loss(...)  RT_OP_CALL(rt_l1_loss_, rt_loss_args, RT_LOSS_FIELDS, x, __VA_ARGS__)
#define rt_bce_with_logits_loss(...)                                                               \
    RT_OP_CALL(rt_bce_with_logits_loss_, rt_loss_args, RT_LOSS_FIELDS, x, __VA_ARGS__)
/* (x - target)^2, reduced as asked. */
rt_tensor *rt_mse_loss_(rt_loss_args a);
/* |x - target|, reduced as asked. */
rt_tensor *rt_l1_loss_(rt_loss_args a);
/* -(t log s(x) + (1-t) log(1-s(x))), s the sigmoid, t the target in [0,1], without overflow; reduced as asked. */
rt_tensor *rt_bce_with_logits_loss_(rt_loss_args a);
/* Minus the log-probability, [n, classes], at the target, int64 [n]. */
rt_tensor *rt_nll_loss(rt_tensor *log_probs, rt_tensor *target, rt_reduction reduction);

RT_END_DECLS

#endif
