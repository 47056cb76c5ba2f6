/* The index of the largest element along an axis; no gradient. */
#include "common/base/error.h"
#include "worker/engine/ops/reduce/fold.h"

#define ARGMAX_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape, 1 or more along the axis")                     \
    F(INT, axis, RT_NEEDED, RT_ANY, "the axis, which is dropped")
typedef struct RT_DESIGNATED argmax_args {
    RT_STRUCT(ARGMAX_FIELDS)
} argmax_args;

static rt_status argmax_infer(rt_call *c)
{
    const argmax_args *a = c->args;
    const rt_tensor *x = c->in[0];
    int *axis = c->plan;
    *axis = rt__axis_or_scalar("argmax", a->axis, x->dims.n);
    if (*axis < 0)
        return rt_error_code();
    if (x->dims.n > 0 && x->dims.d[*axis] == 0)
        return RT_FAIL(SHAPE, "argmax: %s has no elements along axis %d", rt_describe(x), *axis);
    return rt_result(c, 0, rt__fold_dims(x->dims, 1u << *axis, false), RT_I64);
}

static rt_status argmax_run(rt_call *c)
{
    rt_tensor *x = c->in[0];
    const rt_tensor *y = c->out[0];
    int axis = *(const int *)c->plan;
    rt_dims last = {.n = x->dims.n}; /* the order of axes that puts the reduced one last */
    for (int i = 0; i < last.n; i++)
        last.d[i] = i == last.n - 1 ? axis : i < axis ? i : i + 1;
    x = rt__tensor_contiguous(rt_permute(x, last));
    if (!x)
        return rt_error_code();
    rt_rows rows = {y->numel, x->dims.n ? c->in[0]->dims.d[axis] : 1};
    rt_exec *e = rt_exec_of(c);
    e->kernels->argmax[x->dtype](e, rows, x->data, y->data);
    return RT_OK;
}

const rt_op rt__op_argmax = {
    .name = "argmax",
    .help = "index of the first largest x along the axis",
    RT_ARGS(argmax_args, ARGMAX_FIELDS),
    .infer = argmax_infer,
    .run = argmax_run,
    .plan_size = sizeof(int),
    .strided = true,
};

rt_tensor *rt_argmax(rt_tensor *x, int axis)
{
    return rt_apply(&rt__op_argmax, &(argmax_args){.x = x, .axis = axis});
}
