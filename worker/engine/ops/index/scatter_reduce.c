/* Products, means, largest and smallest elements by an index. Sums and means are scatter_add; a reduction without the elements of x begins
 * with others in their places. */
#include "worker/engine/ops/index/scatter.h"

extern const rt_op rt__op_scatter_add;

static rt_status mul_run(rt_call *c)
{
    return rt__scatter_along(c, RT_JOIN_MUL);
}

static rt_status max_run(rt_call *c)
{
    return rt__scatter_along(c, RT_JOIN_MAX);
}

static rt_status min_run(rt_call *c)
{
    return rt__scatter_along(c, RT_JOIN_MIN);
}

/* Calls the operation of c on other tensors. */
static rt_tensor *again(const rt_call *c, rt_tensor *x, rt_tensor *src)
{
    return rt_apply(c->op, &(rt_scatter_args){
                               .x = x, .index = c->in[1], .src = src, .axis = rt__scatter_axis(c)});
}

/* Each factor has dy times the product of the others. With P, the product of x and all src that are not zero, that is dy P / src for one
 * of these and dy P for a zero; but nothing if another src of the same place is zero. */
static void mul_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_tensor *x = c->in[0], *index = c->in[1], *src = rt__scatter_part(c->in[2], index);
    rt_tensor *none = rt_full(rt_shape(), 0, x->dtype), *one = rt_full(rt_shape(), 1, x->dtype);
    if (rt_needs(c, 0))
        dx[0] = rt_mul(dy[0], again(c, rt_ones_like(x), src));
    if (!rt_needs(c, 2))
        return;
    rt_tensor *is_zero = rt_eq(src, none), *rest = rt_where(is_zero, one, src);
    rt_tensor *zero = rt_to(is_zero, x->dtype);
    rt_tensor *zeros =
        rt__scatter_gathered(c, rt_scatter_add(rt_zeros_like(x), rt__scatter_axis(c), index, zero));
    rt_tensor *all = rt__scatter_gathered(c, rt_mul(dy[0], again(c, x, rest)));
    dx[2] = rt__scatter_padded(c, rt_where(rt_eq(zeros, zero), rt_div(all, rest), none));
}

/* All that are equal to y share its gradient. */
static void extreme_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_tensor *x = c->in[0], *index = c->in[1], *src = rt__scatter_part(c->in[2], index),
              *y = c->out[0];
    rt_tensor *none = rt_full(rt_shape(), 0, x->dtype);
    rt_tensor *of_x = rt_eq(x, y), *of_src = rt_eq(src, rt__scatter_gathered(c, y));
    rt_tensor *count =
        rt_scatter_add(rt_to(of_x, x->dtype), rt__scatter_axis(c), index, rt_to(of_src, x->dtype));
    rt_tensor *share = rt_div(dy[0], count);
    if (rt_needs(c, 0))
        dx[0] = rt_where(of_x, share, none);
    if (rt_needs(c, 2))
        dx[2] = rt__scatter_padded(c, rt_where(of_src, rt__scatter_gathered(c, share), none));
}

static const rt_op mul_op = {
    .name = "scatter_reduce",
    RT_ARGS(rt_scatter_args, RT_SCATTER_FIELDS),
    .infer = rt__scatter_infer,
    .run = mul_run,
    .backward = mul_backward,
    .saves_in = 1 << 0 | 1 << 1 | 1 << 2,
    .plan_size = sizeof(rt_index_plan),
    .strided = true,
};

#define EXTREME(how)                                                                               \
    static const rt_op how##_op = {                                                                \
        .name = "scatter_reduce",                                                                  \
        RT_ARGS(rt_scatter_args, RT_SCATTER_FIELDS),                                               \
        .infer = rt__scatter_infer,                                                                \
        .run = how##_run,                                                                          \
        .backward = extreme_backward,                                                              \
        .saves_in = 1 << 0 | 1 << 1 | 1 << 2,                                                      \
        .saves_out = 1 << 0,                                                                       \
        .plan_size = sizeof(rt_index_plan),                                                        \
        .strided = true,                                                                           \
    };
EXTREME(max)
EXTREME(min)

static rt_tensor *reduced(const rt_op *op, const rt_scatter_reduce_args *a, rt_tensor *x,
                          rt_tensor *src)
{
    return rt_apply(op, &(rt_scatter_args){.x = x, .index = a->index, .src = src, .axis = a->axis});
}

/* Returns x with a value at the index, which leaves src alone to be reduced there. */
static rt_tensor *without(const rt_scatter_reduce_args *a, rt_tensor *x, double value)
{
    return rt_scatter_value(x, (int)a->axis, a->index, value);
}

/* Returns x with an element of src at the index, as there may be no number that is less, or greater, than all others. */
static rt_tensor *with_any(const rt_scatter_reduce_args *a, double infinite)
{
    return rt__dtype_is_whole(a->x->dtype) ? rt_scatter(a->x, (int)a->axis, a->index, a->src)
                                           : without(a, a->x, infinite);
}

/* The sum divided by the number of addends, rounded down for integers. */
static rt_tensor *mean_of(const rt_scatter_reduce_args *a, rt_tensor *sum)
{
    rt_dtype type = a->x->dtype;
    rt_tensor *one = rt_full(rt_shape(), 1, type), *ones = rt_expand(one, a->index->dims);
    rt_tensor *own = rt_expand(one, a->x->dims);
    rt_tensor *count =
        reduced(&rt__op_scatter_add, a, a->include_self ? own : without(a, own, 0), ones);
    if (!rt__dtype_is_whole(type))
        return rt_div(sum, count);
    rt_tensor *cut = rt_div_trunc(sum, count);
    return rt_sub(cut, rt_to(rt_gt(rt_mul(cut, count), sum), type));
}

RT_COMPOSITE(scatter_reduce, rt_scatter_reduce_args, RT_SCATTER_REDUCE_FIELDS,
             "y = x with y[..index[..i..]..] reduced with src[..i..] along an axis")
{
    bool own = a->include_self;
    if (a->reduce >= RT_SCATTER_AMAX && rt__dtype_is_complex(a->x->dtype))
        return RT_FAIL_NULL(DTYPE, "scatter_reduce: x is %s, but complex numbers have no order",
                            rt_describe(a->x));
    switch ((rt_scatter_reduction)a->reduce) {
    case RT_SCATTER_PROD:
        return reduced(&mul_op, a, own ? a->x : without(a, a->x, 1), a->src);
    case RT_SCATTER_AMAX:
        return reduced(&max_op, a, own ? a->x : with_any(a, -__builtin_inf()), a->src);
    case RT_SCATTER_AMIN:
        return reduced(&min_op, a, own ? a->x : with_any(a, __builtin_inf()), a->src);
    default:
        break;
    }
    rt_tensor *sum = reduced(&rt__op_scatter_add, a, own ? a->x : without(a, a->x, 0), a->src);
    return a->reduce == RT_SCATTER_MEAN ? mean_of(a, sum) : sum;
}

rt_tensor *rt_scatter_reduce_(rt_scatter_reduce_args a)
{
    return rt_apply(&rt__op_scatter_reduce, &a);
}
