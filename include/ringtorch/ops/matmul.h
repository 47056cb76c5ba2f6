/* Matrix products.
 *
 *     rt_tensor *x = rt_randn(rt_shape(64, 784)), *w = rt_randn(rt_shape(10, 784));
 *     rt_tensor *y = rt_linear(x, w, rt_zeros(rt_shape(10)));                // [64,10]
 *     rt_tensor *g = rt_matmul(x, x, .transpose_a = true);                   // [784,784] x^T x
 *     rt_tensor *q = rt_randn(rt_shape(2, 4, 9, 8)), *k = rt_randn(rt_shape(2, 4, 5, 8));
 *     rt_tensor *scores = rt_einsum("bhqd,bhkd->bhqk", q, k);                // [2,4,9,5]
 *     rt_tensor *z = rt_addmm(y, x, rt_t(w), .beta = 0.5);                   // [64,10] y / 2 + x w^T
 *
 * The operands of a product have one type. Integers are computed modulo 2^bits; there are no products of
 * bool.
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_MATMUL_H
#define RINGTORCH_OPS_MATMUL_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

/* ---- products of matrices and vectors ---- */

/* The types that matrices may have. */
#define RT_MATRIX_TYPES (RT_FLOATS | RT_INTEGERS | RT_COMPLEX)
#define RT_MATMUL_FIELDS(F)                                                                        \
    F(INPUT, a, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "[..., m, k] or [k]")                        \
    F(INPUT, b, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "[..., k, n] or [k]")                        \
    F(FLAG, transpose_a, false, RT_ANY, "the last two axes of a are stored swapped")               \
    F(FLAG, transpose_b, false, RT_ANY, "the last two axes of b are stored swapped")
typedef struct rt_matmul_args {
    RT_STRUCT(RT_MATMUL_FIELDS)
} rt_matmul_args;
/* Returns the product of a and b, a new tensor [..., m, n]. The last two axes are multiplied, the
 * axes before them broadcast, and 1-D operands work as in torch.matmul. Fails if sizes do not
 * match, and names both shapes. */
#define rt_matmul(...) RT_OP_CALL(rt_matmul_, rt_matmul_args, RT_MATMUL_FIELDS, a, __VA_ARGS__)
RT_API rt_tensor *rt_matmul_(rt_matmul_args a);
#define RT_LINEAR_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "[..., in]")                                 \
    F(INPUT, w, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "[out, in]")                                 \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_MATRIX_TYPES, "[out]")
typedef struct rt_linear_args {
    RT_STRUCT(RT_LINEAR_FIELDS)
} rt_linear_args;
/* Returns x w^T + bias, [..., out]: rt_matmul with w transposed, plus the bias if there is one. */
#define rt_linear(...) RT_OP_CALL(rt_linear_, rt_linear_args, RT_LINEAR_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_linear_(rt_linear_args a);

/* Returns the product of two matrices, [m, k] and [k, n]. */
RT_API rt_tensor *rt_mm(rt_tensor *a, rt_tensor *b);
/* Returns the products of as many matrices, [batch, m, k] and [batch, k, n]. */
RT_API rt_tensor *rt_bmm(rt_tensor *a, rt_tensor *b);
/* Returns the product of a matrix and a vector, [m, k] and [k]. */
RT_API rt_tensor *rt_mv(rt_tensor *a, rt_tensor *b);
/* Returns the sum of the products of the elements of two vectors [k], a scalar. */
RT_API rt_tensor *rt_dot(rt_tensor *a, rt_tensor *b);
/* Returns rt_dot; of complex numbers, those of a are conjugated. */
RT_API rt_tensor *rt_vdot(rt_tensor *a, rt_tensor *b);
/* Returns the products of all rows of a and b, [..., k] each, summed over that last axis:
 * a.shape[:-1] + b.shape[:-1]. If one of them is a scalar, their product. */
RT_API rt_tensor *rt_inner(rt_tensor *a, rt_tensor *b);
/* Returns the products of all elements of two vectors, [m] and [n], as a matrix [m, n]. They may have any
 * types, as in rt_mul. PyTorch also calls it ger. */
RT_API rt_tensor *rt_outer(rt_tensor *a, rt_tensor *b);
/* Returns the Kronecker product: each element of a times the whole of b, [a0 b0, a1 b1, ...]. The operand
 * with fewer axes has further ones of size 1 in front. They may have any types, as in rt_mul. Fails if the
 * axes, where each that is longer than 1 in both operands counts twice, are more than 8. */
RT_API rt_tensor *rt_kron(rt_tensor *a, rt_tensor *b);
#define RT_CROSS_FIELDS(F)                                                                         \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "vectors of three elements along an axis")    \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL,                                               \
      "as many axes, which broadcast with those of a")                                             \
    F(INT, axis, RT_NOT_GIVEN, RT_MAYBE(RT_WITHIN(-RT_MAX_DIMS, RT_MAX_DIMS - 1)),                 \
      "the axis of size 3; not given: the first one of that size")
/* The arguments of rt_cross. */
typedef struct rt_cross_args {
    RT_STRUCT(RT_CROSS_FIELDS)
} rt_cross_args;
/* Returns the cross products of vectors along an axis. That of torch.linalg.cross is -1. */
#define rt_cross(...) RT_OP_CALL(rt_cross_, rt_cross_args, RT_CROSS_FIELDS, a, __VA_ARGS__)
RT_API rt_tensor *rt_cross_(rt_cross_args a);
#define RT_BILINEAR_FIELDS(F)                                                                      \
    F(INPUT, a, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "[..., in1]")                                \
    F(INPUT, b, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "[..., in2], the other sizes those of a")    \
    F(INPUT, w, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "[out, in1, in2]")                           \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_MATRIX_TYPES, "[out]")
/* The arguments of rt_bilinear. */
typedef struct rt_bilinear_args {
    RT_STRUCT(RT_BILINEAR_FIELDS)
} rt_bilinear_args;
/* Returns y[..., o] = sum of a[..., i] w[o, i, j] b[..., j] over i and j, plus bias[o] if there is one. */
#define rt_bilinear(...)                                                                           \
    RT_OP_CALL(rt_bilinear_, rt_bilinear_args, RT_BILINEAR_FIELDS, a, __VA_ARGS__)
RT_API rt_tensor *rt_bilinear_(rt_bilinear_args a);
/* Returns the product of count >= 2 matrices in the order that needs the fewest multiplications. The first may
 * be a vector, which is a row, and the last one, which is a column: the result lacks their axes. */
RT_API rt_tensor *rt_multi_dot(rt_tensor *const *xs, int count);
/* Returns the same of count >= 1 matrices. */
RT_API rt_tensor *rt_chain_matmul(rt_tensor *const *xs, int count);

/* ---- a product added to a tensor ---- */

#define RT_ADDMM_FACTORS(F)                                                                        \
    F(NUMBER, beta, 1, RT_ANY, "factor of x; if it is 0, the values of x, NaN too, do not count")  \
    F(NUMBER, alpha, 1, RT_ANY, "factor of the product")
#define RT_ADDMM_FIELDS(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "one that broadcasts to the product")        \
    F(INPUT, a, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "the first factor")                          \
    F(INPUT, b, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "the second factor")                         \
    RT_ADDMM_FACTORS(F)
#define RT_ADDR_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "one that broadcasts to the product")         \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "[m]")                                        \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "[n]")                                        \
    RT_ADDMM_FACTORS(F)
/* The arguments of the functions below. If x, a and b are integers, fractions of the factors are cut. A factor
 * of 0 leaves out what it multiplies, NaN and infinities too. The functions with _inplace put the result, which must have
 * x's shape, in the place of x. */
typedef struct rt_addmm_args {
    RT_STRUCT(RT_ADDMM_FIELDS)
} rt_addmm_args;
/* Returns beta x + alpha a b for matrices [m, k] and [k, n]. 16-bit types are computed in float32 and rounded
 * once, here and below. */
#define rt_addmm(...) RT_OP_CALL(rt_addmm_, rt_addmm_args, RT_ADDMM_FIELDS, x, __VA_ARGS__)
#define rt_addmm_inplace(...)                                                                      \
    RT_OP_CALL(rt_addmm_inplace_, rt_addmm_args, RT_ADDMM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_addmm_(rt_addmm_args a);
RT_API rt_tensor *rt_addmm_inplace_(rt_addmm_args a);
/* Returns beta x + alpha a b for a matrix [m, k] and a vector [k]. */
#define rt_addmv(...) RT_OP_CALL(rt_addmv_, rt_addmm_args, RT_ADDMM_FIELDS, x, __VA_ARGS__)
#define rt_addmv_inplace(...)                                                                      \
    RT_OP_CALL(rt_addmv_inplace_, rt_addmm_args, RT_ADDMM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_addmv_(rt_addmm_args a);
RT_API rt_tensor *rt_addmv_inplace_(rt_addmm_args a);
/* Returns beta x + alpha times the sum of a[i] b[i] over i, for [batch, m, k] and [batch, k, n]. */
#define rt_addbmm(...) RT_OP_CALL(rt_addbmm_, rt_addmm_args, RT_ADDMM_FIELDS, x, __VA_ARGS__)
#define rt_addbmm_inplace(...)                                                                     \
    RT_OP_CALL(rt_addbmm_inplace_, rt_addmm_args, RT_ADDMM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_addbmm_(rt_addmm_args a);
RT_API rt_tensor *rt_addbmm_inplace_(rt_addmm_args a);
/* Returns beta x + alpha a b for as many matrices, [batch, m, k] and [batch, k, n]. */
#define rt_baddbmm(...) RT_OP_CALL(rt_baddbmm_, rt_addmm_args, RT_ADDMM_FIELDS, x, __VA_ARGS__)
#define rt_baddbmm_inplace(...)                                                                    \
    RT_OP_CALL(rt_baddbmm_inplace_, rt_addmm_args, RT_ADDMM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_baddbmm_(rt_addmm_args a);
RT_API rt_tensor *rt_baddbmm_inplace_(rt_addmm_args a);
/* Returns beta x + alpha times the outer product of two vectors, [m] and [n]. All types are taken, also mixed;
 * those of bool are x or (a and b), where a factor of 0 makes its part false. */
#define rt_addr(...) RT_OP_CALL(rt_addr_, rt_addmm_args, RT_ADDMM_FIELDS, x, __VA_ARGS__)
#define rt_addr_inplace(...)                                                                       \
    RT_OP_CALL(rt_addr_inplace_, rt_addmm_args, RT_ADDMM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_addr_(rt_addmm_args a);
RT_API rt_tensor *rt_addr_inplace_(rt_addmm_args a);

/* ---- sums of products over named axes ---- */

#define RT_TENSORDOT_FIELDS(F)                                                                     \
    F(INPUT, a, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "any shape")                                 \
    F(INPUT, b, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "any shape")                                 \
    F(INT, count, 2, RT_WITHIN(0, RT_MAX_DIMS),                                                    \
      "how many axes are summed, the last of a and the first of b; not used if axes are named")    \
    F(DIMS, axes_a, RT_EMPTY, RT_ANY, "the axes of a that are summed")                             \
    F(DIMS, axes_b, RT_EMPTY, RT_ANY, "of b, each belongs to the one at that place of axes_a")
/* The arguments of rt_tensordot. */
typedef struct rt_tensordot_args {
    RT_STRUCT(RT_TENSORDOT_FIELDS)
} rt_tensordot_args;
/* Returns the products of all elements of a and b summed over pairs of axes, whose sizes are equal or one of
 * which is 1: the other axes of a, then those of b. */
#define rt_tensordot(...)                                                                          \
    RT_OP_CALL(rt_tensordot_, rt_tensordot_args, RT_TENSORDOT_FIELDS, a, __VA_ARGS__)
RT_API rt_tensor *rt_tensordot_(rt_tensordot_args a);

RT_API rt_tensor *rt_einsum_(const char *equation, rt_tensor *const *xs, int count);
#ifdef __cplusplus
RT_END_DECLS
template <class... Tensors> rt_tensor *rt_einsum_of(const char *equation, Tensors... xs)
{
    rt_tensor *list[] = {xs...};
    return rt_einsum_(equation, list, static_cast<int>(sizeof...(Tensors)));
}
#define RT_EINSUM(equation, ...) rt_einsum_of(equation, __VA_ARGS__)
RT_BEGIN_DECLS
#else
#define RT_EINSUM(equation, ...)                                                                   \
    rt_einsum_(equation, (rt_tensor *const[]){__VA_ARGS__},                                        \
               (int)(sizeof((rt_tensor *const[]){__VA_ARGS__}) / sizeof(rt_tensor *)))
#endif
/* Returns the sum of products that an equation states: rt_einsum("bij,bjk->bik", x, y). A letter is an axis;
 * there is a group of letters for each tensor, then, after ->, the axes of the result. An axis that the
 * result lacks is summed over. A letter twice in a group takes the diagonal. "..." stands for the axes that are left
 * over, which broadcast, as do axes of size 1 with the same letter. Without -> the result has the axes of "...", then the
 * letters that are there once, in alphabetical order, capital letters first. Spaces do not count. The tensors
 * are multiplied from left to right, each axis is summed as soon as no further tensor has it, and no
 * product in between may have more than 8 axes. Sums of one tensor of integers are int64, as those of
 * rt_sum. A message names the place in the equation. */
#define rt_einsum(equation, ...) RT_EINSUM(equation, __VA_ARGS__)

RT_END_DECLS

#endif
