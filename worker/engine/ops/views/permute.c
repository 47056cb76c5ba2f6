/* The axes in another order. One operation, permute, is recorded; the others are made of it. Its gradient is the opposite
 * permutation. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

/* ---- permute ---- */

#define PERMUTE_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, axes, RT_NEEDED, RT_ANY, "each axis of x once, in the order of y")
typedef struct permute_args {
    RT_STRUCT(PERMUTE_FIELDS)
} permute_args;

typedef struct permute_plan {
    rt_dims axes; /* counted from 0 */
} permute_plan;

static rt_status permute_infer(rt_call *c)
{
    const rt_dims axes = ((const permute_args *)c->args)->axes;
    const rt_tensor *x = c->in[0];
    permute_plan *p = c->plan;
    rt_dims dims = {.n = axes.n};
    int64_t stride[RT_MAX_DIMS];
    unsigned seen = 0;
    bool fine = axes.n == x->dims.n;
    for (int i = 0; i < axes.n && fine; i++) {
        int64_t axis = axes.d[i] < 0 ? axes.d[i] + axes.n : axes.d[i];
        fine = axis >= 0 && axis < axes.n && !(seen & (1u << axis));
        if (!fine)
            break;
        seen |= 1u << axis;
        p->axes.d[i] = axis;
        dims.d[i] = x->dims.d[axis];
        stride[i] = x->stride[axis];
    }
    if (!fine)
        return RT_FAIL(SHAPE, "permute: the axes given do not name each of the %d axes of %s once",
                       x->dims.n, rt_describe(x));
    p->axes.n = axes.n;
    return rt_window(c, dims, stride, 0);
}

static void permute_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const permute_plan *p = c->plan;
    rt_dims back = {.n = p->axes.n};
    for (int i = 0; i < back.n; i++)
        back.d[p->axes.d[i]] = i;
    dx[0] = rt_permute(dy[0], back);
}

const rt_op rt__op_permute = {
    .name = "permute",
    .help = "y = x with its axes in another order: axis i of y is axis axes[i] of x",
    RT_ARGS(permute_args, PERMUTE_FIELDS),
    .infer = permute_infer,
    .backward = permute_backward,
    .plan_size = sizeof(permute_plan),
};

rt_tensor *rt_permute(rt_tensor *x, rt_dims axes)
{
    return rt_apply(&rt__op_permute, &(permute_args){x, axes});
}

/* ---- transpose ---- */

#define TRANSPOSE_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INT, a, RT_NEEDED, RT_ANY_AXIS, "an axis")                                                   \
    F(INT, b, RT_NEEDED, RT_ANY_AXIS, "the axis that it changes places with")
typedef struct transpose_args {
    RT_STRUCT(TRANSPOSE_FIELDS)
} transpose_args;

rt_tensor *rt_transpose(rt_tensor *x, int a, int b)
{
    if (!rt__takes("transpose", x))
        return NULL;
    int i = rt__axis_or_scalar("transpose", a, x->dims.n);
    int j = i < 0 ? -1 : rt__axis_or_scalar("transpose", b, x->dims.n);
    if (j < 0)
        return NULL;
    rt_dims axes = {.n = x->dims.n};
    for (int k = 0; k < axes.n; k++)
        axes.d[k] = k == i ? j : k == j ? i : k;
    return rt_permute(x, axes);
}

static void transpose_compose(rt_call *c)
{
    const transpose_args *a = c->args;
    c->out[0] = rt_transpose(a->x, (int)a->a, (int)a->b);
}

const rt_op rt__op_transpose = {
    .name = "transpose",
    .help = "y = x with the axes a and b exchanged",
    RT_ARGS(transpose_args, TRANSPOSE_FIELDS),
    .compose = transpose_compose,
};

/* ---- t ---- */

#define T_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[m, n]; with fewer axes y is x")
typedef struct t_args {
    RT_STRUCT(T_FIELDS)
} t_args;

rt_tensor *rt_t(rt_tensor *x)
{
    if (!rt__takes("t", x))
        return NULL;
    if (x->dims.n > 2)
        return RT_FAIL_NULL(SHAPE, "t: %s, expected two axes or fewer", rt_describe(x));
    return x->dims.n < 2 ? x : rt_transpose(x, 0, 1);
}

static void t_compose(rt_call *c)
{
    c->out[0] = rt_t(c->in[0]);
}

const rt_op rt__op_t = {
    .name = "t",
    .help = "y = x transposed: [n, m]",
    RT_ARGS(t_args, T_FIELDS),
    .compose = t_compose,
};
