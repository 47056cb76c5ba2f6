/* Matrix products.
 *
 *     rt_tensor *x = rt_randn(rt_shape(64, 784)), *w = rt_randn(rt_shape(10, 784));
 *     rt_tensor *y = rt_linear(x, w, rt_zeros(rt_shape(10)));                // [64,10]
 *     rt_tensor *g = rt_matmul(x, x, .transpose_a = true);                   // [784,784] x^T x
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_MATMUL_H
#define RINGTORCH_OPS_MATMUL_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

#define RT_MATMUL_FIELDS(F)                                                                        \
    F(INPUT, a, RT_NEEDED, RT_SAME | RT_FLOATS | RT_COMPLEX, "[..., m, k] or [k]")                 \
    F(INPUT, b, RT_NEEDED, RT_SAME | RT_FLOATS | RT_COMPLEX, "[..., k, n] or [k]")                 \
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
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS | RT_COMPLEX, "[..., in]")                          \
    F(INPUT, w, RT_NEEDED, RT_SAME | RT_FLOATS | RT_COMPLEX, "[out, in]")                          \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS | RT_COMPLEX, "[out]")
typedef struct rt_linear_args {
    RT_STRUCT(RT_LINEAR_FIELDS)
} rt_linear_args;
/* Returns x w^T + bias, [..., out]: rt_matmul with w transposed, plus the bias if there is one. */
#define rt_linear(...) RT_OP_CALL(rt_linear_, rt_linear_args, RT_LINEAR_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_linear_(rt_linear_args a);

RT_END_DECLS

#endif
