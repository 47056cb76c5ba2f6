/* Binary kernels whose second operand is a number. */
#include "worker/engine/ops/pointwise/scalar.h"

#include "common/base/error.h"
#include <math.h>

rt_status rt__scalar_infer(rt_call *c)
{
    const rt_tensor *a = c->in[0];
    double s = ((const rt_scalar_args *)c->args)->s;
    bool whole = s == trunc(s) && s >= -0x1p63 && s < 0x1p63;
    if (!rt__dtype_is_float(a->dtype) && !whole)
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
    int32_t i32;
    uint8_t u8;
} element;

static element element_of(double s, rt_dtype dtype)
{
    switch (dtype) {
    case RT_F64:
        return (element){.f64 = s};
    case RT_I64:
        return (element){.i64 = (int64_t)s};
    case RT_I32:
        return (element){.i32 = (int32_t)(int64_t)s};
    case RT_U8:
        return (element){.u8 = (uint8_t)(int64_t)s};
    default:
        return (element){.f32 = (float)s};
    }
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
