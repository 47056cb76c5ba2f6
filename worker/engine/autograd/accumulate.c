/* The sum of two gradients of one tensor: the one operation that backward itself needs. */
#include "worker/engine/autograd/graph.h"

typedef struct sum_args {
    rt_tensor *a, *b;
} sum_args;

static rt_tensor *sum_forward(rt_call *c)
{
    const rt_tensor *a = rt__tensor_contiguous(c->in[0]), *b = rt__tensor_contiguous(c->in[1]);
    rt_tensor *y = a && b ? rt_out(c, a->dims, RT_F32) : NULL;
    if (!y)
        return NULL;
    rt_grid grid = {1, y->numel, {{0, 1}, {0, 1}}};
    rt_cpu()->add.f[RT_F32](&grid, a->data, b->data, y->data);
    return y;
}

static void sum_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = dx[1] = dy;
}

static const rt_op sum_op = {"accumulate", 2, sum_forward, sum_backward, .dtypes = RT_FLOATS};

rt_tensor *rt__accumulate(rt_tensor *a, rt_tensor *b)
{
    return rt_apply(&sum_op, &(sum_args){a, b}, sizeof(sum_args));
}
