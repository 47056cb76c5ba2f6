/* Complex numbers from their parts, and the parts: composed of views as pairs of real numbers. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define ANY_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")
typedef struct RT_DESIGNATED any_args {
    RT_STRUCT(ANY_FIELDS)
} any_args;

/* Returns the real parts, 0, or the imaginary ones, 1. With eight axes there is none left for pairs, so the tensor is flat for a while. */
static rt_tensor *part_of(rt_tensor *x, int which)
{
    rt_tensor *flat = x->dims.n < RT_MAX_DIMS ? x : rt_reshape(x, rt_shape(x->numel));
    rt_tensor *part = rt_select(rt_view_as_real(flat), -1, which);
    return flat == x ? part : rt_reshape(part, x->dims);
}

rt_tensor *rt_real(rt_tensor *x)
{
    if (!rt__takes("real", x))
        return NULL;
    return rt__dtype_is_complex(x->dtype) ? part_of(x, 0) : x;
}

RT_COMPOSITE(real, any_args, ANY_FIELDS, "y = the real part of x, a view")
{
    return rt_real(a->x);
}

#define IMAG_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_COMPLEX, "any shape")
typedef struct RT_DESIGNATED imag_args {
    RT_STRUCT(IMAG_FIELDS)
} imag_args;

RT_COMPOSITE(imag, imag_args, IMAG_FIELDS, "y = the imaginary part of x, a view")
{
    return part_of(a->x, 1);
}

rt_tensor *rt_imag(rt_tensor *x)
{
    return rt_apply(&rt__op_imag, &(imag_args){.x = x});
}

#define COMPLEX_FIELDS(F)                                                                          \
    F(INPUT, re, RT_NEEDED, RT_PROMOTE | RT_TYPE(F32) | RT_TYPE(F64), "the real part")             \
    F(INPUT, im, RT_NEEDED, RT_PROMOTE | RT_TYPE(F32) | RT_TYPE(F64), "the imaginary part")
typedef struct RT_DESIGNATED complex_args {
    RT_STRUCT(COMPLEX_FIELDS)
} complex_args;

RT_COMPOSITE(complex, complex_args, COMPLEX_FIELDS, "y = re + i im")
{
    rt_dims dims;
    if (rt__broadcast("complex", a->re->dims, a->im->dims, &dims) != RT_OK)
        return NULL;
    rt_tensor *part[] = {rt_expand(a->re, dims), rt_expand(a->im, dims)};
    if (dims.n < RT_MAX_DIMS || rt_failed())
        return rt_view_as_complex(rt_stack(part, 2, -1));
    for (int i = 0; i < 2; i++)
        part[i] = rt_reshape(part[i], rt_shape(part[i]->numel));
    return rt_reshape(rt_view_as_complex(rt_stack(part, 2, -1)), dims);
}

rt_tensor *rt_complex(rt_tensor *re, rt_tensor *im)
{
    return rt_apply(&rt__op_complex, &(complex_args){.re = re, .im = im});
}

#define POLAR_FIELDS(F)                                                                            \
    F(INPUT, abs, RT_NEEDED, RT_PROMOTE | RT_TYPE(F32) | RT_TYPE(F64), "the absolute value")       \
    F(INPUT, angle, RT_NEEDED, RT_PROMOTE | RT_TYPE(F32) | RT_TYPE(F64), "the angle")
typedef struct RT_DESIGNATED polar_args {
    RT_STRUCT(POLAR_FIELDS)
} polar_args;

RT_COMPOSITE(polar, polar_args, POLAR_FIELDS, "y = abs * (cos(angle) + i sin(angle))",
             .derivatives = 2)
{
    return rt_complex(rt_mul(a->abs, rt_cos(a->angle)), rt_mul(a->abs, rt_sin(a->angle)));
}

rt_tensor *rt_polar(rt_tensor *abs, rt_tensor *angle)
{
    return rt_apply(&rt__op_polar, &(polar_args){.abs = abs, .angle = angle});
}
