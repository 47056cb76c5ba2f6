/* Tensors whose elements are all known. random.h makes random tensors; tensor.h makes tensors without
 * values and from memory.
 *
 *     rt_tensor *odd = rt_arange(1, 10, 2, RT_I64);                          // [5] 1, 3, 5, 7, 9
 *     rt_tensor *half = rt_full(rt_shape(3, 3), 0.5, RT_F32);
 *     rt_tensor *sum = rt_add(rt_eye(3), half);                              // [3,3]
 *     printf("%g %g\n", rt_item(rt_sum(odd)), rt_item(rt_sum(sum)));         // 25 7.5
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_CREATE_H
#define RINGTORCH_OPS_CREATE_H

#include <ringtorch/field.h>
#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

/* Makes a tensor whose elements are all `value`, converted to dtype. Beyond 2^53 a double
 * represents only some of the integers; rt_from takes all of them. */
RT_API rt_tensor *rt_full(rt_dims shape, double value, rt_dtype dtype);
/* Makes a tensor of start, start + step, ... up to but not including end. Each value is rounded
 * from float64; int64 values are exact. Integer types cut the fractions of start and step once it is
 * known how many numbers there are. dtype can be any type of real numbers but bool. Beyond 2^53, start, end
 * and step can only be integers that a double represents. */
RT_API rt_tensor *rt_arange(double start, double end, double step, rt_dtype dtype);
/* Makes a tensor with the shape, type and device of x whose elements are all `value`; rt_zeros_like,
 * rt_ones_like and rt_empty_like are in tensor.h. With another type, use rt_full and rt_dims_of. */
RT_API rt_tensor *rt_full_like(rt_tensor *x, double value);
/* Makes a tensor of `steps` numbers at equal distances from start to end, both included (one: start).
 * They are computed in float64, each half from its own end, and converted to dtype, which can be any
 * type but bool; integer types cut start and end first. */
RT_API rt_tensor *rt_linspace(double start, double end, int64_t steps, rt_dtype dtype);
/* Makes a tensor of powers of `base` whose exponents are those that rt_linspace makes, in float64. */
RT_API rt_tensor *rt_logspace(double start, double end, int64_t steps, double base, rt_dtype dtype);
/* The arguments of rt_eye. */
typedef struct rt_eye_args {
    int64_t n;                          /* rows */
    int64_t m RT_DEFAULT(RT_NOT_GIVEN); /* columns; not given: as many as rows */
    rt_dtype dtype;                     /* of the result; default: float32 */
} rt_eye_args;
#define RT_EYE_DEFAULTS .m = RT_NOT_GIVEN
/* Makes a matrix [n,m] with ones on the diagonal and zeros elsewhere: rt_eye(3). */
#define rt_eye(...) RT_CALL_WITH_DEFAULTS(rt_eye_, rt_eye_args, RT_EYE_DEFAULTS, n, __VA_ARGS__)
RT_API rt_tensor *rt_eye_(rt_eye_args a);
/* Makes an int64 tensor [2,k]: the rows and the columns of the elements of a matrix that lie on or below
 * a diagonal, row by row. Diagonal 0 is the main one, positive ones lie above it. */
RT_API rt_tensor *rt_tril_indices(int64_t rows, int64_t columns, int64_t offset);
/* The same of the elements on or above a diagonal. */
RT_API rt_tensor *rt_triu_indices(int64_t rows, int64_t columns, int64_t offset);
/* Makes an int64 tensor [..., classes] with a 1 at each index [...] of int64 and zeros elsewhere. With
 * classes = RT_NOT_GIVEN there is one class more than the largest index. Reads the indices, and fails
 * if one is not in [0, classes). */
RT_API rt_tensor *rt_one_hot(rt_tensor *index, int64_t classes);

RT_END_DECLS

#endif
