/* The sum of two gradients of one tensor: the only operation that the backward pass itself needs. */
#include "worker/engine/autograd/graph.h"

#define SUM_FIELDS(F)                                                                              \
    F(INPUT, a, RT_NEEDED, RT_SAME | RT_FLOATS | RT_COMPLEX, "any shape")                          \
    F(INPUT, b, RT_NEEDED, RT_SAME | RT_FLOATS | RT_COMPLEX, "the same")
typedef struct RT_DESIGNATED sum_args {
    RT_STRUCT(SUM_FIELDS)
} sum_args;

static rt_status sum_run(rt_call *c)
{
    const rt_tensor *y = c->out[0];
    rt_grid grid;
    rt_grid_row(&grid, y->numel, 1, 1);
    rt_exec *e = rt_exec_of(c);
    e->kernels->add.f[y->dtype](e, (rt_numbers){{0}}, &grid, c->in[0]->data, c->in[1]->data,
                                y->data);
    return RT_OK;
}

static void sum_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = dx[1] = dy[0];
}

static const rt_op sum_op = {
    .name = "accumulate",
    RT_INTERNAL_ARGS(sum_args, SUM_FIELDS),
    .infer = rt__infer_like_first,
    .run = sum_run,
    .backward = sum_backward,
};

rt_tensor *rt__accumulate(rt_tensor *a, rt_tensor *b)
{
    return rt_apply(&sum_op, &(sum_args){.a = a, .b = b});
}
