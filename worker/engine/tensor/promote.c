/* The element type that mixed operands are computed in: PyTorch's rules, in one place. */
#include "worker/engine/tensor/tensor.h"

/* Returns the complex type whose parts have at least the precision of t. */
static rt_dtype complex_of(rt_dtype t)
{
    return t == RT_F64 || t == RT_C128 ? RT_C128 : RT_C64;
}

rt_dtype rt_promote_types(rt_dtype a, rt_dtype b)
{
    rt__category of_a = rt__dtype_category(a), of_b = rt__dtype_category(b);
    size_t bytes_a = rt_dtype_size(a), bytes_b = rt_dtype_size(b);
    if (of_a == RT__COMPLEX || of_b == RT__COMPLEX)
        return complex_of(a) == RT_C128 ? RT_C128 : complex_of(b);
    if (of_a != of_b)
        return of_a > of_b ? a : b;
    if (bytes_a != bytes_b)
        return bytes_a > bytes_b ? a : b;
    if (a == b)
        return a;
    /* int8 and uint8, bfloat16 and float16: neither holds all numbers of the other */
    return of_a == RT__WHOLE ? RT_I16 : RT_F32;
}

/* Scalars only matter if their category is higher: the scalar 1.5 turns integers into floats, but a float64 scalar does not turn a
 * float32 tensor into float64, and a complex one not into complex128. */
static int outvoted(int higher, int lower)
{
    if (higher < 0 || lower < 0)
        return higher < 0 ? lower : higher;
    rt__category of_higher = rt__dtype_category((rt_dtype)higher);
    rt__category of_lower = rt__dtype_category((rt_dtype)lower);
    if (of_higher == RT__REAL && of_lower == RT__COMPLEX)
        return (int)complex_of((rt_dtype)higher);
    return of_lower > of_higher ? lower : higher;
}

static void vote(int *of_rank, rt_dtype t)
{
    *of_rank = *of_rank < 0 ? (int)t : (int)rt_promote_types((rt_dtype)*of_rank, t);
}

rt_dtype rt__result_type(rt_tensor *const *xs, int n)
{
    int of_axes = -1, of_scalars = -1;
    for (int i = 0; i < n; i++)
        if (xs[i])
            vote(xs[i]->dims.n > 0 ? &of_axes : &of_scalars, xs[i]->dtype);
    int type = outvoted(of_axes, of_scalars);
    return type < 0 ? RT_F32 : (rt_dtype)type;
}

rt_dtype rt_result_type(const rt_tensor *a, const rt_tensor *b)
{
    const rt_tensor *xs[] = {a, b};
    if ((a && !rt__sees("result_type", a)) ||
        (b && !rt__object_is(b, &rt__tensor_type, "result_type", 2)))
        return RT_F32;
    return rt__result_type((rt_tensor *const *)xs, 2);
}
