/* y = condition ? a : b, all three broadcast. da = dy where the condition holds, else 0; db the reverse. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define WHERE_FIELDS(F)                                                                            \
    F(INPUT, condition, RT_NEEDED, RT_TYPE(BOOL), "any shape")                                     \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "one that broadcasts with it")                \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "likewise")
typedef struct RT_DESIGNATED where_args {
    RT_STRUCT(WHERE_FIELDS)
} where_args;

static rt_status where_infer(rt_call *c)
{
    const rt_tensor *condition = c->in[0], *a = c->in[1], *b = c->in[2];
    rt_dims dims;
    RT_TRY(rt__broadcast("where", a->dims, b->dims, &dims));
    RT_TRY(rt__broadcast("where", condition->dims, dims, &dims));
    return rt_result(c, 0, dims, a->dtype);
}

static rt_status where_run(rt_call *c)
{
    rt_tensor *condition = c->in[0], *a = c->in[1], *b = c->in[2], *y = c->out[0];
    rt_tensor *const operands[] = {a, b, condition}; /* in the kernel's order */
    rt_exec *e = rt_exec_of(c);
    rt_grid g;
    if (rt__grid(&g, y, operands, 3))
        e->kernels->select[y->dtype](e, &g, a->data, b->data, condition->data, y->data);
    return RT_OK;
}

static void where_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_tensor *zero = rt_full(rt_shape(), 0, dy[0]->dtype), *condition = c->in[0];
    if (rt_needs(c, 1))
        dx[1] = rt__sum_to(rt_where(condition, dy[0], zero), c->in[1]->dims);
    if (rt_needs(c, 2))
        dx[2] = rt__sum_to(rt_where(condition, zero, dy[0]), c->in[2]->dims);
}

const rt_op rt__op_where = {
    .name = "where",
    .help = "y = condition ? a : b",
    RT_ARGS(where_args, WHERE_FIELDS),
    .infer = where_infer,
    .run = where_run,
    .backward = where_backward,
    .saves_in = 1 << 0,
    .strided = true,
};

rt_tensor *rt_where(rt_tensor *condition, rt_tensor *a, rt_tensor *b)
{
    return rt_apply(&rt__op_where, &(where_args){.condition = condition, .a = a, .b = b});
}
