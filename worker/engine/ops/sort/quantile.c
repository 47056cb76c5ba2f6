/* Quantiles: the element at rank q (n - 1) of a sorted row, or between the two next to it. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

/* Returns the ranks of the quantiles, [m], in double, which counts longer rows than the other types do; the last one in rows with NaN,
 * which is sorted to the end. */
static rt_tensor *ranks_of(rt_tensor *q, rt_tensor *sorted)
{
    int64_t last = rt_size(sorted, -1) - 1;
    rt_tensor *ranks = rt_mul_scalar(rt_to(q, RT_F64), (double)last);
    rt_tensor *greatest = rt_narrow(rt_detach(sorted), -1, last, 1);
    return rt_where(rt_ne(greatest, greatest), rt_full(rt_shape(), (double)last, RT_F64), ranks);
}

static rt_tensor *at(rt_tensor *sorted, rt_tensor *ranks)
{
    return rt_gather(sorted, -1, rt_to(rt_detach(ranks), RT_I64));
}

/* Returns the quantiles of sorted rows [..., n]: [..., m]. */
static rt_tensor *quantiles(rt_tensor *sorted, rt_tensor *q, rt_interpolation interpolation)
{
    if (!sorted || !q)
        return NULL;
    rt_tensor *ranks = ranks_of(q, sorted);
    if (!ranks)
        return NULL;
    rt_tensor *below = rt_floor(ranks), *above = rt_ceil(ranks);
    if (interpolation == RT_NEAREST)
        return at(sorted, rt_round(ranks));
    if (interpolation == RT_LOWER)
        return at(sorted, below);
    if (interpolation == RT_HIGHER)
        return at(sorted, above);
    rt_tensor *weight = interpolation == RT_LINEAR ? rt_to(rt_sub(ranks, below), sorted->dtype)
                                                   : rt_full(ranks->dims, 0.5, sorted->dtype);
    return rt_lerp(at(sorted, below), at(sorted, above), weight);
}

static bool are_fractions(const rt_quantile_args *a)
{
    if (a->q->dims.n > 1)
        RT_FAIL(SHAPE, "quantile: q is %s, expected [] or [m]", rt_describe(a->q));
    else if (a->x->numel == 0)
        RT_FAIL(SHAPE, "quantile: %s has no elements", rt_describe(a->x));
    else if (a->q->numel > 0 && !(rt_item(rt_amin(a->q)) >= 0 && rt_item(rt_amax(a->q)) <= 1) &&
             !rt_failed())
        RT_FAIL(RANGE, "quantile: q goes from %g to %g, expected 0 to 1", rt_item(rt_amin(a->q)),
                rt_item(rt_amax(a->q)));
    return !rt_failed();
}

/* Returns y [..., m] as [m, ...], with the reduced axis at its place, or dropped; without m if q is a number. */
static rt_tensor *arranged(rt_tensor *y, const rt_quantile_args *a, int axis)
{
    int n = a->x->dims.n;
    rt_dims order = {.n = y->dims.n};
    for (int i = 0; i < order.n; i++)
        order.d[i] = i == 0 ? order.n - 1 : i - 1;
    y = rt_permute(y, order); /* [m, others] */
    rt_dims dims = {.n = 0};
    if (a->q->dims.n == 1)
        dims.d[dims.n++] = a->q->dims.d[0];
    for (int i = 0; i < n; i++)
        if (a->axis != RT_NOT_GIVEN && i != axis)
            dims.d[dims.n++] = a->x->dims.d[i];
        else if (a->keep_dim)
            dims.d[dims.n++] = 1;
    return rt_reshape(y, dims);
}

RT_COMPOSITE(quantile, rt_quantile_args, RT_QUANTILE_FIELDS,
             "the quantiles q of x along the axis, or of all x")
{
    rt_tensor *x = a->x;
    int axis = rt__axis_or_scalar("quantile", a->axis == RT_NOT_GIVEN ? 0 : a->axis, x->dims.n);
    if (axis < 0 || !are_fractions(a))
        return NULL;
    if (a->axis == RT_NOT_GIVEN || x->dims.n == 0)
        x = rt_reshape(x, rt_shape(x->numel));
    else if (axis != x->dims.n - 1) {
        rt_dims order = {.n = x->dims.n};
        for (int i = 0; i < order.n; i++)
            order.d[i] = i == order.n - 1 ? axis : i < axis ? i : i + 1;
        x = rt_permute(x, order);
    }
    rt_tensor *q = rt_reshape(a->q, rt_shape(a->q->numel));
    rt_tensor *y = quantiles(rt_sort(x).values, q, (rt_interpolation)a->interpolation);
    return y ? arranged(y, a, axis) : NULL;
}

rt_tensor *rt_quantile_(rt_quantile_args a)
{
    return rt_apply(&rt__op_quantile, &a);
}
