/* y = condition ? a : b, all three broadcast. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

typedef struct where_args {
    rt_tensor *a, *b, *condition;
} where_args;

static rt_tensor *where_forward(rt_call *c)
{
    const where_args *g = c->args;
    if (g->condition->dtype != RT_BOOL)
        return RT_FAIL_NULL(DTYPE, "where: the condition is %s, expected bool",
                            rt_describe(g->condition));
    if (g->a->dtype != g->b->dtype)
        return RT_FAIL_NULL(DTYPE, "where: %s and %s, expected one element type", rt_describe(g->a),
                            rt_describe(g->b));
    if (!rt_cpu()->select[g->a->dtype])
        return RT_FAIL_NULL(DTYPE, "where: %s is not supported", rt_describe(g->a));
    rt_dims dims;
    if (rt__broadcast("where", g->a->dims, g->b->dims, &dims) != RT_OK ||
        rt__broadcast("where", g->condition->dims, dims, &dims) != RT_OK)
        return NULL;
    rt_tensor *y = rt_out(c, dims, g->a->dtype);
    int64_t size = y ? (int64_t)rt_dtype_size(y->dtype) : 0;
    rt_loop l;
    for (bool more = y && rt__loop_begin(&l, dims, c->in, 3); more; more = rt__loop_next(&l))
        rt_cpu()->select[y->dtype](&l.grid, l.at[0], l.at[1], l.at[2],
                                   (char *)y->data + l.done * size);
    return y;
}

static void where_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    rt_tensor *zero = rt_scalar(0), *condition = c->in[2];
    if (rt_needs(c, 0))
        dx[0] = rt__sum_to(rt_where(condition, dy, zero), c->in[0]->dims);
    if (rt_needs(c, 1))
        dx[1] = rt__sum_to(rt_where(condition, zero, dy), c->in[1]->dims);
}

static const rt_op where_op = {"where", 3, where_forward, where_backward, .saves = RT_SAVES_IN(2)};

rt_tensor *rt_where(rt_tensor *condition, rt_tensor *a, rt_tensor *b)
{
    if (!rt__takes("where", condition) || !rt__object_is(a, &rt__tensor_type, "where", 2) ||
        !rt__object_is(b, &rt__tensor_type, "where", 3))
        return NULL; /* numbered as here, not as in where_args */
    return rt_apply(&where_op, &(where_args){a, b, condition}, sizeof(where_args));
}
