/* Sets and counts: distinct elements, bincount and histc. The sizes of their results depend on values (include/ringtorch/op.h). */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define UNIQUE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape")
typedef struct RT_DESIGNATED unique_args {
    RT_STRUCT(UNIQUE_FIELDS)
} unique_args;

/* Returns whether each element of a sorted row is different from the one before it. */
static rt_tensor *first_of_equals(rt_tensor *sorted)
{
    rt_tensor *first = rt_full(rt_shape(1), 1, RT_BOOL);
    int64_t n = rt_numel(sorted);
    rt_tensor *rest = rt_ne(rt_narrow(sorted, 0, 1, n - 1), rt_narrow(sorted, 0, 0, n - 1));
    return rt_cat((rt_tensor *[]){first, rest}, 2, 0);
}

static void unique_compose(rt_call *c)
{
    rt_tensor *x = rt_detach(((const unique_args *)c->args)->x);
    if (!x || x->numel == 0) {
        c->out[0] = rt_full(rt_shape(0), 0, x ? x->dtype : RT_F32);
        c->out[1] = rt_full(x ? x->dims : rt_shape(0), 0, RT_I64);
        c->out[2] = rt_full(rt_shape(0), 0, RT_I64);
        return;
    }
    rt_sort_results s = rt_sort(rt_reshape(x, rt_shape(x->numel)));
    rt_tensor *first = first_of_equals(s.values), *places = rt__places(first);
    if (!places)
        return;
    rt_tensor *number = rt_add_scalar(rt_cumsum(first, 0), -1);
    rt_tensor *end = rt_full(rt_shape(1), (double)x->numel, RT_I64);
    c->out[0] = rt_gather(s.values, 0, places);
    c->out[1] = rt_reshape(rt__scatter_add(number, 0, s.index, rt_shape(x->numel)), x->dims);
    c->out[2] = rt_diff(places, .append = end);
}

const rt_op rt__op_unique = {
    .name = "unique",
    .help = "the distinct elements of x in ascending order, where each x is among them, and how "
            "often they occur",
    RT_ARGS(unique_args, UNIQUE_FIELDS),
    .n_out = 3,
    .compose = unique_compose,
};

rt_unique_results rt_unique(rt_tensor *x)
{
    rt_tensor *out[3];
    rt_apply_all(&rt__op_unique, &(unique_args){.x = x}, out, 3);
    return (rt_unique_results){out[0], out[1], out[2]};
}

RT_COMPOSITE(bincount, rt_bincount_args, RT_BINCOUNT_FIELDS,
             "y[k] = how many x are k, or the sum of their weights")
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
             "y[k] = how many x lie in the k-th of the bins from low to high")
{
    rt_tensor *x = rt_detach(a->x);
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
        x->dtype);
}

rt_tensor *rt_histc_(rt_histc_args a)
{
    return rt_apply(&rt__op_histc, &a);
}
