/* The mean, sum or maximum of rows of a table for each bag of indices. */
#include "worker/engine/ops/index/index.h"

/* The bags of one call. */
typedef struct bags {
    rt_tensor *index;   /* int64 [n], the elements of all bags */
    rt_tensor *weights; /* [n], or NULL */
    rt_tensor *number;  /* int64 [n]: the bag of each element */
    rt_tensor *offsets; /* int64 [count]: where each begins */
    rt_tensor *lengths; /* int64 [count] */
    int64_t count, padding;
} bags;

static rt_tensor *integer(int64_t v)
{
    return rt_full(rt_shape(), (double)v, RT_I64);
}

static rt_tensor *integers_below(int64_t n)
{
    return rt_arange(0, (double)n, 1, RT_I64);
}

/* Fails unless offsets begin with 0 and rise to `end` at most. */
static rt_status check_offsets(const bags *b, int64_t end)
{
    int64_t first = b->count > 0 ? rt__whole_item(rt_narrow(b->offsets, 0, 0, 1)) : 0,
            least = b->count > 0 ? rt__whole_item(rt_amin(b->lengths)) : 0;
    if (rt_failed() || (first == 0 && least >= 0 && end >= 0 && (b->count > 0 || end == 0)))
        return rt_error_code();
    return RT_FAIL(RANGE,
                   "embedding_bag: offsets, expected numbers that begin with 0, rise, and end "
                   "within index %s",
                   rt_dims_text(b->index->dims));
}

/* Bags of index [all], which begin at the offsets. */
static rt_status bags_by_offsets(const rt_embedding_bag_args *a, bags *b)
{
    int64_t n = a->index->numel, given = a->offsets->numel;
    b->count = given - a->include_last_offset;
    if (a->offsets->dims.n != 1 || b->count < 0)
        return RT_FAIL(SHAPE, "embedding_bag: offsets %s, expected [bags]%s",
                       rt_dims_text(a->offsets->dims),
                       a->include_last_offset ? " and one more, the end" : "");
    b->offsets = rt_narrow(a->offsets, 0, 0, b->count);
    int64_t end =
        a->include_last_offset ? rt__whole_item(rt_narrow(a->offsets, 0, given - 1, 1)) : n;
    if (rt_failed() || end < 0 || end > n)
        return RT_FAIL(RANGE, "embedding_bag: the last offset is %lld, expected 0 to %lld",
                       (long long)end, (long long)n);
    b->index = rt_narrow(a->index, 0, 0, end);
    if (b->weights)
        b->weights = rt_narrow(b->weights, 0, 0, end);
    rt_tensor *last = rt_full(rt_shape(1), (double)end, RT_I64);
    rt_tensor *bounds = rt_cat((rt_tensor *[]){b->offsets, last}, 2, 0);
    b->lengths = rt_sub(rt_narrow(bounds, 0, 1, b->count), b->offsets);
    RT_TRY(check_offsets(b, end));
    /* The number of bags that have begun at an element, less 1. */
    rt_tensor *begins =
        rt__scatter_add(rt_ones(rt_shape(b->count), RT_I64), 0, b->offsets, rt_shape(end + 1));
    b->number = rt_add_scalar(rt_cumsum(rt_narrow(begins, 0, 0, end), 0), -1);
    return rt_error_code();
}

static rt_status bags_by_rows(const rt_embedding_bag_args *a, bags *b)
{
    int64_t len = a->index->dims.d[1];
    b->count = a->index->dims.d[0];
    b->index = rt_reshape(a->index, rt_shape(b->count * len));
    if (b->weights)
        b->weights = rt_reshape(b->weights, rt_shape(b->count * len));
    rt_tensor *bag = integers_below(b->count);
    b->offsets = rt_mul_scalar(bag, (double)len);
    b->lengths = rt_full(rt_shape(b->count), (double)len, RT_I64);
    b->number = rt_reshape(rt_contiguous(rt_expand(rt_unsqueeze(bag, 1), rt_shape(b->count, len))),
                           rt_shape(b->count * len));
    return rt_error_code();
}

static rt_status make_bags(const rt_embedding_bag_args *a, bags *b)
{
    const rt_tensor *index = a->index, *w = a->per_sample_weights;
    if (index->dims.n != (a->offsets ? 1 : 2) || a->table->dims.n != 2)
        return RT_FAIL(
            SHAPE,
            "embedding_bag: table %s and index %s, expected [v,d] and [bags,n], or [all] "
            "with offsets",
            rt_dims_text(a->table->dims), rt_dims_text(index->dims));
    if (w && a->mode != RT_BAG_SUM)
        return RT_FAIL(ARG, "embedding_bag: per_sample_weights go with mode sum alone");
    if (w && !rt__dims_equal(w->dims, index->dims))
        return RT_FAIL(SHAPE, "embedding_bag: per_sample_weights %s, expected %s, as index",
                       rt_dims_text(w->dims), rt_dims_text(index->dims));
    b->weights = a->per_sample_weights;
    RT_TRY(rt__embedding_padding("embedding_bag", a->padding_idx, a->table, &b->padding));
    return a->offsets ? bags_by_offsets(a, b) : bags_by_rows(a, b);
}

static rt_tensor *rows_of(const rt_embedding_bag_args *a, rt_tensor *index)
{
    return rt_embedding(a->table, index, .padding_idx = a->padding_idx, .max_norm = a->max_norm,
                        .norm_type = a->norm_type, .scale_grad_by_freq = a->scale_grad_by_freq);
}

/* Returns the sums [count, d], or the means. */
static rt_tensor *sums_of(const rt_embedding_bag_args *a, const bags *b)
{
    rt_tensor *rows = rows_of(a, b->index), *counts = b->lengths;
    rt_dims dims = rt_shape(b->count, a->table->dims.d[1]);
    if (b->weights)
        rows = rt_mul(rows, rt_unsqueeze(b->weights, 1));
    if (b->padding >= 0) {
        rt_tensor *is = rt_unsqueeze(rt_eq(b->index, integer(b->padding)), 1);
        rows = rt_where(is, rt_full(rt_shape(), 0, a->table->dtype), rows);
        rt_tensor *others = rt_to(rt_eq(is, rt_full(rt_shape(), 0, RT_BOOL)), RT_I64);
        counts = rt_reshape(
            rt__scatter_add(rt_reshape(others, b->index->dims), 0, b->number, rt_shape(b->count)),
            b->lengths->dims);
    }
    rt_tensor *sums = rt__rows_added(rows, b->number, dims);
    if (a->mode == RT_BAG_SUM || !sums)
        return sums;
    counts = rt_clamp(counts, .low = 1);
    return rt_div(sums, rt_to(rt_unsqueeze(counts, 1), sums->dtype));
}

/* Returns the maxima [count, d]: bags are filled up to the length of the longest one with places that do not count. */
static rt_tensor *maxima_of(const rt_embedding_bag_args *a, const bags *b)
{
    rt_dtype dtype = a->table->dtype;
    int64_t most = b->count > 0 ? rt__whole_item(rt_amax(b->lengths)) : 0;
    if (rt_failed() || most == 0) /* sums of nothing, which are 0 */
        return rt_failed() ? NULL : sums_of(a, b);
    rt_tensor *place = integers_below(most);
    rt_tensor *counts = rt_lt(place, rt_unsqueeze(b->lengths, 1)); /* [count, most] */
    rt_tensor *at = rt_where(counts, rt_add(rt_unsqueeze(b->offsets, 1), place), integer(0));
    rt_tensor *index =
        rt_reshape(rt_gather(b->index, 0, rt_flatten(at, 0, -1)), rt_shape(b->count, most));
    if (b->padding >= 0)
        counts =
            rt_where(rt_eq(index, integer(b->padding)), rt_full(rt_shape(), 0, RT_BOOL), counts);
    rt_tensor *rows = rt_where(rt_unsqueeze(counts, 2), rows_of(a, index),
                               rt_full(rt_shape(), -__builtin_inf(), dtype)); /* [count, most, d] */
    rt_tensor *best = rt_unsqueeze(rt_argmax(rt_detach(rows), 1), 1);
    rt_tensor *some = rt_any(counts, rt_shape(1), .keep_dim = true);
    return rt_where(some, rt_squeeze(rt_gather(rows, 1, best), 1), rt_full(rt_shape(), 0, dtype));
}

RT_COMPOSITE(embedding_bag, rt_embedding_bag_args, RT_EMBEDDING_BAG_FIELDS,
             "y = the mean, sum or maximum of table[index[i]] over each bag")
{
    bags b = {0};
    if (make_bags(a, &b) != RT_OK)
        return NULL;
    return a->mode == RT_BAG_MAX ? maxima_of(a, &b) : sums_of(a, &b);
}

rt_tensor *rt_embedding_bag_(rt_embedding_bag_args a)
{
    return rt_apply(&rt__op_embedding_bag, &a);
}
