/* Sets and counts: distinct elements, bincount and histc. The sizes of their results depend on values (include/ringtorch/op.h). */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

/* Returns the order of the rows of x [n, m], compared element by element from the first: they are sorted by the last column, then by the
 * one before it, and so on, and rows that are equal there keep their order. */
static rt_tensor *order_of_rows(rt_tensor *x)
{
    rt_tensor *order = rt_arange(0, (double)rt_size(x, 0), 1, RT_I64);
    for (int64_t j = rt_size(x, 1) - 1; j >= 0 && order; j--) {
        rt_tensor *column = rt_gather(rt_contiguous(rt_select(x, 1, j)), 0, order);
        order = rt_gather(order, 0, rt_argsort(column));
    }
    return order;
}

/* Returns the rows of x [n, m] at the places [k]. */
static rt_tensor *rows_at(rt_tensor *x, rt_tensor *places)
{
    return rt_gather(x, 0,
                     rt_expand(rt_unsqueeze(places, 1), rt_shape(rt_numel(places), rt_size(x, 1))));
}

/* Returns whether each of the sorted rows is different from the one before it. */
static rt_tensor *first_of_equals(rt_tensor *sorted)
{
    int64_t n = rt_size(sorted, 0);
    rt_tensor *first = rt_full(rt_shape(n > 0), 1, RT_BOOL);
    if (n < 2)
        return first;
    rt_tensor *rest = rt_ne(rt_narrow(sorted, 0, 1, n - 1), rt_narrow(sorted, 0, 0, n - 1));
    return rt_cat((rt_tensor *[]){first, rt_any(rest, rt_shape(1))}, 2, 0);
}

/* Sets the distinct rows of x [n, m], where each row is among them, and how often they occur. */
static void distinct_rows(rt_call *c, rt_tensor *x)
{
    rt_tensor *order = order_of_rows(x), *sorted = order ? rows_at(x, order) : NULL;
    rt_tensor *first = sorted ? first_of_equals(sorted) : NULL,
              *places = first ? rt__places(first) : NULL;
    if (!places)
        return;
    rt_dims n = order->dims;
    rt_tensor *number = rt_add_scalar(rt_cumsum(first, 0), -1);
    c->out[0] = rows_at(sorted, places);
    c->out[1] = rt__scatter_add(number, 0, order, n);
    c->out[2] = rt_diff(places, .append = rt_full(rt_shape(1), (double)n.d[0], RT_I64));
}

RT_COMPOSITE_OF(unique, 3, rt_unique_args, RT_UNIQUE_FIELDS,
                "the distinct x, or slices along the axis, in order, where each x is among them, "
                "and how often they occur",
                .derivatives = RT_CONSTANT)
{
    rt_tensor *x = rt_detach(a->x);
    if (!x)
        return;
    if (a->axis == RT_NOT_GIVEN) {
        distinct_rows(c, rt_reshape(x, rt_shape(x->numel, 1)));
        c->out[0] = c->out[0] ? rt_squeeze(c->out[0], 1) : NULL;
        c->out[1] = rt_reshape(c->out[1], x->dims);
        return;
    }
    int axis = rt__axis("unique", a->axis, x->dims.n);
    rt_tensor *front = axis < 0 ? NULL : rt_movedim(x, rt_shape(axis), rt_shape(0));
    if (!front)
        return;
    rt_dims dims = front->dims;
    if (x->numel == 0 && dims.d[0] > 0) {
        RT_FAIL(SHAPE, "unique: the slices of %s along axis %d have no elements", rt_describe(x),
                axis);
        return;
    }
    distinct_rows(c, rt_reshape(front, rt_shape(dims.d[0], dims.d[0] ? x->numel / dims.d[0] : 0)));
    dims.d[0] = c->out[0] ? c->out[0]->dims.d[0] : 0;
    c->out[0] = rt_contiguous(rt_movedim(rt_reshape(c->out[0], dims), rt_shape(0), rt_shape(axis)));
}

rt_unique_results rt_unique_(rt_unique_args a)
{
    rt_tensor *out[3];
    rt_apply_all(&rt__op_unique, &a, out, 3);
    return (rt_unique_results){out[0], out[1], out[2]};
}

RT_COMPOSITE(bincount, rt_bincount_args, RT_BINCOUNT_FIELDS,
             "y[k] = how many x are k, or the sum of their weights", .derivatives = RT_CONSTANT)
{
    rt_tensor *x = rt_to(a->x, RT_I64), *w = a->weights ? rt_detach(a->weights) : NULL;
    if (a->x->dims.n != 1 || (w && !rt__dims_equal(w->dims, a->x->dims)))
        return RT_FAIL_NULL(SHAPE, "bincount: x %s%s%s, expected [n] and weights of that shape",
                            rt_describe(a->x), w ? ", weights " : "", w ? rt_describe(w) : "");
    int64_t size = a->minlength;
    if (rt_numel(x) > 0) {
        double least = rt_item(rt_amin(x)), most = rt_item(rt_amax(x));
        if (least < 0)
            return RT_FAIL_NULL(RANGE, "bincount: x has the element %.0f, expected 0 or more",
                                least);
        if (most >= 0x1p62)
            return RT_FAIL_NULL(RANGE, "bincount: x has the element %.0f, expected less than 2^62",
                                most);
        size = most + 1 > (double)size ? (int64_t)most + 1 : size;
    }
    if (w && w->dtype != RT_F32)
        w = rt_to(w, RT_F64);
    return rt__scatter_add(w ? w : rt_ones_like(x), 0, x, rt_shape(size));
}

rt_tensor *rt_bincount_(rt_bincount_args a)
{
    return rt_apply(&rt__op_bincount, &a);
}

/* Finds the ends of the bins; returns false with an error if there are none. */
static bool ends_of(const rt_histc_args *a, double *low, double *high)
{
    *low = a->low;
    *high = a->high;
    if (*low == *high && a->x->numel > 0) {
        *low = rt_item(rt_amin(a->x));
        *high = rt_item(rt_amax(a->x));
    }
    if (*low == *high) {
        *low -= 1;
        *high += 1;
    }
    if (rt_failed() || (*low < *high && *high - *low < __builtin_inf()))
        return !rt_failed();
    RT_FAIL(RANGE, "histc: bins from %g to %g, expected finite ends in ascending order", *low,
            *high);
    return false;
}

RT_COMPOSITE(histc, rt_histc_args, RT_HISTC_FIELDS,
             "y[k] = how many x lie in the k-th of the bins from low to high",
             .derivatives = RT_CONSTANT)
{
    rt_tensor *x = rt__is_half(a->x->dtype) ? rt_to(a->x, RT_F32) : a->x;
    x = rt_detach(x);
    double low, high;
    if (!ends_of(a, &low, &high))
        return NULL;
    rt_tensor *begin = rt_full(rt_shape(), low, x->dtype),
              *end = rt_full(rt_shape(), high, x->dtype);
    rt_tensor *share = rt_div(rt_sub(x, begin), rt_sub(end, begin));
    rt_tensor *bin =
        rt_clamp(rt_to(rt_mul_scalar(share, (double)a->bins), RT_I64), 0, (double)(a->bins - 1));
    rt_tensor *inside = rt_mul(rt_to(rt_ge(x, begin), RT_I64), rt_to(rt_le(x, end), RT_I64));
    rt_dims row = rt_shape(rt_numel(x));
    return rt_to(
        rt__scatter_add(rt_reshape(inside, row), 0, rt_reshape(bin, row), rt_shape(a->bins)),
        a->x->dtype);
}

rt_tensor *rt_histc_(rt_histc_args a)
{
    return rt_apply(&rt__op_histc, &a);
}
