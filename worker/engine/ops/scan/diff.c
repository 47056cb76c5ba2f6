/* Composites along an axis: logcumsumexp, differences, and the trapezoidal rule. */
#include "common/base/error.h"
#include "worker/engine/ops/scan/scan.h"
#include <math.h>

#define LOGCUMSUMEXP_FIELDS(F)                                                                     \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")                                                 \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis")
typedef struct RT_DESIGNATED logcumsumexp_args {
    RT_STRUCT(LOGCUMSUMEXP_FIELDS)
} logcumsumexp_args;

/* With m the running maximum, a constant: y = m + log(s), s[i] = s[i - 1] exp(m[i - 1] - m[i]) + exp(x[i] - m[i]). Nothing overflows, and
 * s is 1 at least where m is finite; elsewhere 0 takes the place of m. */
RT_COMPOSITE(logcumsumexp, logcumsumexp_args, LOGCUMSUMEXP_FIELDS,
             "y = log(sum(exp(x))) of all up to each place along the axis", .derivatives = 2)
{
    int axis = rt__axis_or_scalar("logcumsumexp", a->axis, a->x->dims.n);
    if (axis < 0)
        return NULL;
    if (a->x->numel == 0 || a->x->dims.n == 0)
        return rt_clone(a->x);
    rt_tensor *m = rt_cummax(rt_detach(a->x), axis).values;
    if (!m)
        return NULL;
    rt_tensor *zero = rt_full(rt_shape(), 0, m->dtype),
              *infinity = rt_full(rt_shape(), INFINITY, m->dtype);
    m = rt_where(rt_lt(rt_abs(m), infinity), m, zero);
    rt_tensor *decay = rt_exp(rt_sub(rt__shift(m, axis, 1, 0), m));
    rt_tensor *s = rt__recurrence(rt_detach(decay), rt_exp(rt_sub(a->x, m)), axis, false);
    return rt_add(m, rt_log(s));
}

rt_tensor *rt_logcumsumexp(rt_tensor *x, int axis)
{
    return rt_apply(&rt__op_logcumsumexp, &(logcumsumexp_args){.x = x, .axis = axis});
}

/* Returns the elements of x along the axis but the last, and but the first. */
static void neighbours(rt_tensor *x, int axis, rt_tensor *pair[2])
{
    int64_t size = x ? rt_size(x, axis) : 1;
    pair[0] = rt_narrow(x, axis, 0, size - 1);
    pair[1] = rt_narrow(x, axis, 1, size - 1);
}

static rt_tensor *differences(rt_tensor *x, int axis)
{
    rt_tensor *pair[2];
    neighbours(x, axis, pair);
    return x && x->dtype == RT_BOOL ? rt_ne(pair[1], pair[0]) : rt_sub(pair[1], pair[0]);
}

RT_COMPOSITE(diff, rt_diff_args, RT_DIFF_FIELDS, "y[i] = x[i + 1] - x[i] along the axis, n times")
{
    rt_tensor *parts[3], *x = a->x;
    int axis = rt__axis("diff", a->axis, x->dims.n), count = 0;
    if (axis < 0)
        return NULL;
    if (a->prepend)
        parts[count++] = a->prepend;
    parts[count++] = x;
    if (a->append)
        parts[count++] = a->append;
    if (a->n == 0) /* of x alone, as in PyTorch */
        return rt_clone(x);
    if (count > 1)
        x = rt_cat(parts, count, axis);
    for (int64_t i = 0; i < a->n && x && rt_size(x, axis) > 0; i++)
        x = differences(x, axis);
    return x == a->x ? rt_clone(x) : x;
}

rt_tensor *rt_diff_(rt_diff_args a)
{
    return rt_apply(&rt__op_diff, &a);
}

/* Returns the distances of the places, in a shape that broadcasts with y. */
static rt_tensor *distances(rt_tensor *x, const rt_tensor *y, int axis)
{
    rt_dims dims = {.n = y->dims.n};
    int lead = y->dims.n - x->dims.n;
    for (int i = 0; i < dims.n; i++)
        dims.d[i] = i < lead ? 1 : x->dims.d[i - lead];
    if (x->dims.n == 1) {
        for (int i = 0; i < dims.n; i++)
            dims.d[i] = i == axis ? x->numel : 1;
    }
    if (lead < 0 || dims.d[axis] != y->dims.d[axis])
        return RT_FAIL_NULL(SHAPE, "trapezoid: x %s does not fit axis %d of y %s", rt_describe(x),
                            axis, rt_describe(y));
    return differences(rt_reshape(x, dims), axis);
}

RT_COMPOSITE(trapezoid, rt_trapezoid_args, RT_TRAPEZOID_FIELDS,
             "integral of y along the axis by the trapezoidal rule")
{
    rt_tensor *y = a->y, *pair[2];
    int axis = rt__axis("trapezoid", a->axis, y->dims.n);
    if (axis < 0)
        return NULL;
    if (rt__dtype_is_whole(y->dtype) && !a->x)
        y = rt_to(y, RT_F32);
    if (rt_size(y, axis) == 0)
        return rt_sum(y, rt_shape(axis));
    neighbours(y, axis, pair);
    rt_tensor *heights = rt_add(pair[0], pair[1]);
    if (a->x) /* integers are multiplied as such */
        heights = rt_mul(heights, distances(a->x, y, axis));
    rt_tensor *sum = rt_sum(heights, rt_shape(axis));
    if (sum && rt__dtype_is_whole(sum->dtype))
        sum = rt_to(sum, RT_F32);
    return rt_mul_scalar(sum, a->x ? 0.5 : a->dx / 2);
}

rt_tensor *rt_trapezoid_(rt_trapezoid_args a)
{
    return rt_apply(&rt__op_trapezoid, &a);
}
