/* Operations with a number, which the binary kernels take as a second operand of one element:
 *     y = a + s:  da = dy
 *     y = a * s:  da = dy * s
 *     y = a ^ s:  da = dy * s * a ^ (s - 1), which for s = 0 is 0 wherever a lies
 *
 * The number is what a Python number is in PyTorch: one without fraction is an integer and leaves integers what they are; any other makes
 * float32 of them.
 */
#include <math.h>
#include "common/error.h"
#include "worker/engine/ops/ops.h"

#define SCALAR_FIELDS(F)                                                                           \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "any shape")                                  \
    F(NUMBER, s, RT_NEEDED, RT_ANY, "the number; with a fraction it makes integers float32")
typedef struct scalar_args {
    RT_STRUCT(SCALAR_FIELDS)
} scalar_args;

static rt_status infer(rt_call *c)
{
    const rt_tensor *a = c->in[0];
    double s = ((const scalar_args *)c->args)->s;
    bool whole = s == trunc(s) && s >= -0x1p63 && s < 0x1p63;
    if (!rt__dtype_is_float(a->dtype) && !whole)
        return rt__take_as(c, RT_F32);
    if (a->dtype == RT_BOOL)
        return rt__take_as(c, RT_I64);
    return rt_result_like(c, 0, a);
}

/* The number as an element of a type that kernels compute in; it is whole where that is one of integers. */
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

static rt_status run(rt_call *c, const rt_binary_kernels *k)
{
    const rt_tensor *a = c->in[0];
    double number = ((const scalar_args *)c->args)->s;
    element s = element_of(number, a->dtype);
    const void *operand = &s;
    if (!rt__on_host(c)) {
        const rt_tensor *there = rt_full(rt_shape(), number, a->dtype);
        if (!there)
            return rt_error_code();
        operand = there->data;
    }
    rt_grid grid = {1, a->numel, {{0, 1}, {0, 0}}};
    k->f[a->dtype](rt_exec_of(c), (rt_numbers){{0}}, &grid, a->data, operand, c->out[0]->data);
    return RT_OK;
}

static void add_scalar_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = dy[0];
}

static void mul_scalar_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_mul_scalar(dy[0], ((const scalar_args *)c->args)->s);
}

static void pow_scalar_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    double s = ((const scalar_args *)c->args)->s;
    dx[0] = s == 0 ? rt_zeros_like(dy[0])
                   : rt_mul(dy[0], rt_mul_scalar(rt_pow_scalar(c->in[0], s - 1), s));
}

/* The operation that applies the binary kernel `symbol` to a number. */
#define SCALAR(symbol, formula, saved)                                                             \
    static rt_status symbol##_scalar_run(rt_call *c)                                               \
    {                                                                                              \
        return run(c, &rt_exec_of(c)->kernels->symbol);                                            \
    }                                                                                              \
    const rt_op rt__op_##symbol##_scalar = {                                                       \
        .name = #symbol "_scalar",                                                                 \
        .help = "y = " formula,                                                                    \
        RT_ARGS(scalar_args, SCALAR_FIELDS),                                                       \
        .infer = infer,                                                                            \
        .run = symbol##_scalar_run,                                                                \
        .backward = symbol##_scalar_backward,                                                      \
        .saves_in = saved,                                                                         \
    };                                                                                             \
    rt_tensor *rt_##symbol##_scalar(rt_tensor *a, double s)                                        \
    {                                                                                              \
        return rt_apply(&rt__op_##symbol##_scalar, &(scalar_args){a, s});                          \
    }

SCALAR(add, "a + s", 0)
SCALAR(mul, "a * s", 0)
SCALAR(pow, "a to the s", 1 << 0)
