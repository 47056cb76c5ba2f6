/* Operations with a number. */
#include <math.h>
#include "common/error.h"
#include "worker/engine/ops/ops.h"

typedef struct scalar_args {
    rt_tensor *a;
    double s;
} scalar_args;

/* Applies a binary kernel with the number as a one-element second operand. */
static rt_tensor *with_scalar(rt_call *c, const rt_binary_kernels *k)
{
    const scalar_args *g = c->args;
    rt_tensor *a = rt__tensor_contiguous(g->a);
    rt_tensor *y = a && k->f[a->dtype] ? rt_out(c, a->dims, a->dtype) : NULL;
    if (a && !k->f[a->dtype])
        return RT_FAIL_NULL(DTYPE, "%s: %s is not supported, convert it with rt_to", c->op->name,
                            rt_describe(a));
    if (!y)
        return NULL;
    if (a->dtype == RT_I64 && (g->s != trunc(g->s) || fabs(g->s) > 0x1p63 || g->s == 0x1p63))
        return RT_FAIL_NULL(DTYPE, "%s: %g is no integer of 64 bits, but %s has only those",
                            c->op->name, g->s, rt_describe(a));
    rt_grid grid = {1, a->numel, {{0, 1}, {0, 0}}};
    float f32 = (float)g->s;
    int64_t i64 = a->dtype == RT_I64 ? (int64_t)g->s : 0;
    k->f[a->dtype](&grid, a->data, a->dtype == RT_I64 ? (const void *)&i64 : &f32, y->data);
    return y;
}

static rt_tensor *add_forward(rt_call *c)
{
    return with_scalar(c, &rt_cpu()->add);
}

static void add_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = dy;
}

static const rt_op add_op = {"add_scalar", 1, add_forward, add_backward};

rt_tensor *rt_add_scalar(rt_tensor *a, double s)
{
    return rt_apply(&add_op, &(scalar_args){a, s}, sizeof(scalar_args));
}

static rt_tensor *mul_forward(rt_call *c)
{
    return with_scalar(c, &rt_cpu()->mul);
}

static void mul_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    dx[0] = rt_mul_scalar(dy, ((const scalar_args *)c->args)->s);
}

static const rt_op mul_op = {"mul_scalar", 1, mul_forward, mul_backward};

rt_tensor *rt_mul_scalar(rt_tensor *a, double s)
{
    return rt_apply(&mul_op, &(scalar_args){a, s}, sizeof(scalar_args));
}

static rt_tensor *pow_forward(rt_call *c)
{
    return with_scalar(c, &rt_cpu()->pow);
}

static void pow_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    const scalar_args *g = c->args;
    dx[0] = g->s == 0 ? rt_zeros_like(dy)
                      : rt_mul(dy, rt_mul_scalar(rt_pow_scalar(c->in[0], g->s - 1), g->s));
}

static const rt_op pow_op = {"pow_scalar", 1, pow_forward, pow_backward, .saves = RT_SAVES_IN(0)};

rt_tensor *rt_pow_scalar(rt_tensor *a, double s)
{
    return rt_apply(&pow_op, &(scalar_args){a, s}, sizeof(scalar_args));
}
