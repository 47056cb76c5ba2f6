/* Copies and conversions. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

typedef struct to_args {
    rt_tensor *x;
    rt_dtype dtype;
} to_args;

static rt_tensor *to_forward(rt_call *c)
{
    const to_args *a = c->args;
    return rt__convert(a->x, a->dtype);
}

static void to_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    dx[0] = rt_to(dy, c->in[0]->dtype);
}

static const rt_op clone_op = {"clone", 1, to_forward, to_backward};
/* Between float types; from any other type nothing wants a gradient, and to any other there is
 * none. */
static const rt_op to_op = {"to", 1, to_forward, to_backward};
static const rt_op to_integer_op = {"to", 1, to_forward, NULL};

static bool is_float(rt_dtype t)
{
    return t == RT_F32 || t == RT_F64 || t == RT_BF16 || t == RT_F16;
}

rt_tensor *rt_clone(rt_tensor *x)
{
    return rt__takes("clone", x) ? rt_apply(&clone_op, &(to_args){x, x->dtype}, sizeof(to_args))
                                 : NULL;
}

rt_tensor *rt_contiguous(rt_tensor *x)
{
    if (!rt__takes("contiguous", x))
        return NULL;
    return x->contiguous ? x : rt_clone(x);
}

rt_tensor *rt_to(rt_tensor *x, rt_dtype dtype)
{
    if (!rt__takes("to", x))
        return NULL;
    if (x->dtype == dtype)
        return x;
    return rt_apply(is_float(dtype) ? &to_op : &to_integer_op, &(to_args){x, dtype},
                    sizeof(to_args));
}
