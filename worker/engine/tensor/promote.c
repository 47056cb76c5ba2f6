/* The element type that mixed operands are computed in: PyTorch's rules, in one place. */
#include "worker/engine/tensor/tensor.h"

typedef enum category { TRUTH, WHOLE, REAL } category;

static category category_of(rt_dtype t)
{
    switch (t) {
    case RT_BOOL:
        return TRUTH;
    case RT_U8:
    case RT_I32:
    case RT_I64:
        return WHOLE;
    default:
        return REAL;
    }
}

rt_dtype rt_promote_types(rt_dtype a, rt_dtype b)
{
    category of_a = category_of(a), of_b = category_of(b);
    size_t bytes_a = rt_dtype_size(a), bytes_b = rt_dtype_size(b);
    if (of_a != of_b)
        return of_a > of_b ? a : b;
    if (bytes_a != bytes_b)
        return bytes_a > bytes_b ? a : b;
    /* bf16 and f16: neither holds both the range and the precision of the other */
    return a == b ? a : RT_F32;
}

/* Scalars only matter if their category is higher: the scalar 1.5 turns integers into floats, but a float64 scalar does not turn a
 * float32 tensor into float64. */
static int outvoted(int higher, int lower)
{
    if (higher < 0 || lower < 0)
        return higher < 0 ? lower : higher;
    return category_of((rt_dtype)lower) > category_of((rt_dtype)higher) ? lower : higher;
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
