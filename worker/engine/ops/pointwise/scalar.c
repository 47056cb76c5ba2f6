/* Binary kernels whose second operand is a number. */
#include "worker/engine/ops/pointwise/scalar.h"

#include "common/base/error.h"
#include <math.h>

rt_status rt__scalar_infer(rt_call *c)
{
    const rt_tensor *a = c->in[0];
    double s = ((const rt_scalar_args *)c->args)->s;
    bool whole = s == trunc(s) && s >= -0x1p63 && s < 0x1p63;
    if (rt__dtype_is_whole(a->dtype) && !whole)
        return rt__request_conversion(c, RT_F32);
    if (a->dtype == RT_BOOL)
        return rt__request_conversion(c, RT_I64);
    return rt_result_like(c, 0, a);
}

/* The number as an element of a type that kernels compute in; it is whole if that is an integer type. */
typedef union element {
    float f32;
    double f64;
    int64_t i64;
    float _Complex c64;
    double _Complex c128;
} element;

/* A smaller integer type takes the first bytes of the int64: processors are little-endian. */
static element element_of(double s, rt_dtype dtype)
{
    if (rt__dtype_is_whole(dtype))
        return (element){.i64 = (int64_t)s};
    return dtype == RT_F64    ? (element){.f64 = s}
           : dtype == RT_C64  ? (element){.c64 = (float)s}
           : dtype == RT_C128 ? (element){.c128 = s}
                              : (element){.f32 = (float)s};
}

rt_status rt__scalar_run(rt_call *c, const rt_binary_kernels *k)
{
    const rt_tensor *a = c->in[0];
    double number = ((const rt_scalar_args *)c->args)->s;
    element s = element_of(number, a->dtype);
    const void *operand = &s;
    if (!rt__on_host(c)) {
        const rt_tensor *there = rt_full(rt_shape(), number, a->dtype);
        if (!there)
            return rt_error_code();
        operand = there->data;
    }
    rt_grid grid;
    rt_grid_row(&grid, a->numel, 1, 0);
    k->f[a->dtype](rt_exec_of(c), (rt_numbers){{0}}, &grid, a->data, operand, c->out[0]->data);
    return RT_OK;
}
