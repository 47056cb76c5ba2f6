/* Complex forms of the operations of elementwise.def, one line each. A form is a macro, COMPLEX_<name>, because the preprocessor can ask
 * whether there is one; everything that expands elementwise.def expands the forms of its rows with it:
 *
 *     #define UNARY(name, ...) COMPLEX_FORM(PUT, name)      // PUT(name, C, c_exp(x), gradient) if there is a form, else nothing
 *
 * A form has the type of the result (C: complex, R: the real type of its parts, BOOL, whose formulas see one number at a time), and a formula over complex values, which may use the
 * operands and numbers of the row. Its functions c_... are in kernels/cpu/cmath.inc, on pairs of vectors, and in kernels/ref/complex.c, in
 * the wide type. Forms of UNARY rows end with their gradient, an expression of the engine's differentiable operations on dy, x and y, in
 * which x and y are those that `reads` of the row names. As in PyTorch, a gradient is that of a real loss with respect to the conjugate:
 * dy * conj(f'(x)) for a function f that has a derivative. The gradients of other rows are in elementwise.def; conj does
 * nothing there to real numbers. */
#ifndef RINGTORCH_KERNELS_COMPLEX_H
#define RINGTORCH_KERNELS_COMPLEX_H

#define COMPLEX_neg    ~, C, c_neg(x), rt_neg(dy)
#define COMPLEX_abs    ~, R, c_abs(x), rt_mul(dy, rt_sgn(x))
#define COMPLEX_square ~, C, c_square(x), rt_mul(dy, rt_conj(rt_mul_scalar(x, 2)))
#define COMPLEX_sqrt   ~, C, c_sqrt(x), rt_div(dy, rt_conj(rt_mul_scalar(y, 2)))
#define COMPLEX_rsqrt                                                                              \
    ~, C, c_reciprocal(c_sqrt(x)), rt_mul(dy, rt_conj(rt_div(rt_mul_scalar(y, -0.5), x)))
#define COMPLEX_reciprocal ~, C, c_reciprocal(x), rt_neg(rt_mul(dy, rt_conj(rt_square(y))))
#define COMPLEX_exp        ~, C, c_exp(x), rt_mul(dy, rt_conj(y))
#define COMPLEX_expm1      ~, C, c_expm1(x), rt_mul(dy, rt_conj(rt_add_scalar(y, 1)))
#define COMPLEX_log        ~, C, c_log(x), rt_div(dy, rt_conj(x))
#define COMPLEX_log1p      ~, C, c_log1p(x), rt_div(dy, rt_conj(rt_add_scalar(x, 1)))
#define COMPLEX_sin        ~, C, c_sin(x), rt_mul(dy, rt_conj(rt_cos(x)))
#define COMPLEX_cos        ~, C, c_cos(x), rt_neg(rt_mul(dy, rt_conj(rt_sin(x))))
#define COMPLEX_tanh       ~, C, c_tanh(x), rt_mul(dy, rt_conj(rt_add_scalar(rt_neg(rt_square(y)), 1)))
#define COMPLEX_sigmoid    ~, C, c_sigmoid(x), rt_mul(dy, rt_conj(rt_sub(y, rt_square(y))))
#define COMPLEX_silu       ~, C, c_mul(x, c_sigmoid(x)), rt_mul(dy, rt_conj(silu_slope(x, y)))

/* Of UNARY_OPS: the gradient of the row is theirs, too. */
#define COMPLEX_exp2  ~, C, c_exp(c_scale(x, C(0.69314718055994531)))
#define COMPLEX_log2  ~, C, c_scale(c_log(x), C(1.44269504088896341))
#define COMPLEX_log10 ~, C, c_scale(c_log(x), C(0.434294481903251828))
#define COMPLEX_tan   ~, C, c_tan(x)
#define COMPLEX_asin  ~, C, c_asin(x)
#define COMPLEX_acos  ~, C, c_acos(x)
#define COMPLEX_atan  ~, C, c_atan(x)
#define COMPLEX_sinh  ~, C, c_sinh(x)
#define COMPLEX_cosh  ~, C, c_cosh(x)
#define COMPLEX_asinh ~, C, c_asinh(x)
#define COMPLEX_acosh ~, C, c_acosh(x)
#define COMPLEX_atanh ~, C, c_atanh(x)

#define COMPLEX_add     ~, C, c_add(a, b)
#define COMPLEX_sub     ~, C, c_sub(a, b)
#define COMPLEX_mul     ~, C, c_mul(a, b)
#define COMPLEX_div     ~, C, c_div(a, b)
#define COMPLEX_pow     ~, C, c_pow(a, b)
#define COMPLEX_lerp    ~, C, c_lerp(a, b, w)
#define COMPLEX_addcmul ~, C, c_add(x, c_mul(c_scale(a, NUM(value)), b))
#define COMPLEX_addcdiv ~, C, c_add(x, c_div(c_scale(a, NUM(value)), b))
#define COMPLEX_eq      ~, BOOL, (a.re == b.re) & (a.im == b.im)
#define COMPLEX_ne      ~, BOOL, (a.re != b.re) | (a.im != b.im)

#define COMPLEX_logical_and ~, BOOL, IS_TRUE(a) & IS_TRUE(b)
#define COMPLEX_logical_or  ~, BOOL, IS_TRUE(a) | IS_TRUE(b)
#define COMPLEX_logical_xor ~, BOOL, IS_TRUE(a) != IS_TRUE(b)
#define COMPLEX_logical_not ~, BOOL, !IS_TRUE(x)
#define COMPLEX_isnan       ~, BOOL, (x.re != x.re) | (x.im != x.im)
#define COMPLEX_isinf       ~, BOOL, IS_INFINITE(x.re) | IS_INFINITE(x.im)
#define COMPLEX_isfinite    ~, BOOL, (x.re - x.re == 0) & (x.im - x.im == 0)
#define IS_TRUE(z)          ((z.re != 0) | (z.im != 0))
#define IS_INFINITE(v)      ((v == v) & (v - v != 0))

/* USE(name, the form's type, formula, gradient), if there is a form of that name. */
#define COMPLEX_FORM(USE, name)                COMPLEX_FORM_OF(USE, name, COMPLEX_##name)
#define COMPLEX_FORM_OF(USE, name, form)       COMPLEX_FORM_IN(USE, name, form)
#define COMPLEX_FORM_IN(USE, name, found, ...) __VA_OPT__(USE(name, __VA_ARGS__))

/* `yes` if there is a form of that name, else `no`. */
#define COMPLEX_HAS(name, yes, no)          COMPLEX_HAS_OF(yes, no, COMPLEX_##name)
#define COMPLEX_HAS_OF(yes, no, form)       COMPLEX_HAS_IN(yes, no, form)
#define COMPLEX_HAS_IN(yes, no, found, ...) COMPLEX_HAS_FIRST(__VA_OPT__(yes, ) no, ~)
#define COMPLEX_HAS_FIRST(first, ...)       first

#endif
