/* Picking elements by index, and writing to them. An index tensor has any integer type. An index out of range
 * fails, with a message that names it.
 *
 *     rt_tensor *x = rt_reshape(rt_arange(0, 24, 1, RT_F32), rt_shape(2, 3, 4));
 *     rt_tensor *row = rt_index(x, RT_AT(1), RT_AT(-1));                     // [4] a view, x[1, -1]
 *     rt_tensor *part = rt_index(x, RT_ALL, RT_SLICE(1, -1));                // [2,1,4] a view, x[:, 1:-1]
 *     rt_tensor *ids = rt_from((int64_t[]){3, 0, 3}, rt_shape(3), RT_I64);
 *     rt_tensor *columns = rt_index(x, RT_REST, RT_PICK(ids));               // [2,3,3] x[..., ids]
 *     rt_tensor *large = rt_index(x, RT_PICK(rt_gt(x, rt_scalar(20))));      // [3] x[x > 20]
 *     rt_index_put_inplace(x, rt_scalar(0), RT_AT(0), RT_ALL, RT_PICK(ids));   // x[0, :, ids] = 0
 *     printf("%g\n", rt_item(rt_sum(x)));                                    // 243
 *     rt_tensor *words = rt_randint(rt_shape(8, 32), 0, 1000);
 *     rt_tensor *vectors = rt_embedding(rt_randn(rt_shape(1000, 64)), words);   // [8,32,64]
 *
 * Sums over repeated indices are added in the order of the index, and of values written to one place the
 * last one stays: results do not depend on the number of threads. What overwrites has its gradient as in
 * PyTorch: each value has that of its place, also if a later one has overwritten it.
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_INDEX_H
#define RINGTORCH_OPS_INDEX_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

/* The kinds of items. */
typedef enum rt_subscript_kind {
    RT_SUBSCRIPT_AT,
    RT_SUBSCRIPT_SLICE,
    RT_SUBSCRIPT_PICK,
    RT_SUBSCRIPT_NEW_AXIS,
    RT_SUBSCRIPT_REST,
} rt_subscript_kind;
/* ---- x[...] ---- */
/* An item between the brackets. There is one for each axis from the first one on:
 *
 *     RT_AT(i)                     one index of an axis, which is dropped; negative ones count from the end
 *     RT_SLICE(start, end)         start:end, by Python's rules; RT_END for an end that is left out
 *     RT_SLICE_BY(start, end, n)   start:end:n, every n-th, n >= 1
 *     RT_ALL                       a whole axis, ":"
 *     RT_PICK(tensor)              integers (not uint8): these indices of an axis, negative ones from the end;
 *                                  bool (or uint8): a mask of as many axes as it has, as if each were replaced by the
 *                                  indices of its true elements
 *     RT_NEW_AXIS                  a new axis of size 1, None in Python
 *     RT_REST                      as many whole axes as there are left, "..."; at the end it may be omitted
 *
 * The tensors of several RT_PICK are broadcast to each other. Their axes come where those stood which they
 * index; if these are not adjacent, before all others. RT_AT does not count as one of them (as in PyTorch;
 * NumPy differs). */
typedef struct rt_subscript {
    rt_subscript_kind kind;   /* what it is */
    int64_t start, end, step; /* of a slice; RT_AT: start */
    rt_tensor *pick;          /* RT_PICK: the tensor */
} rt_subscript;
/* The end of a slice that goes to the end of its axis. */
#define RT_END INT64_MAX
#ifdef __cplusplus
#define RT_SUBSCRIPT(...)                                                                          \
    rt_subscript                                                                                   \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define RT_NO_PICK nullptr
#else
#define RT_SUBSCRIPT(...) ((rt_subscript){__VA_ARGS__})
#define RT_NO_PICK        NULL
#endif
#define RT_AT(i)                   RT_SUBSCRIPT(RT_SUBSCRIPT_AT, i, 0, 1, RT_NO_PICK)
#define RT_SLICE(start, end)       RT_SUBSCRIPT(RT_SUBSCRIPT_SLICE, start, end, 1, RT_NO_PICK)
#define RT_SLICE_BY(start, end, n) RT_SUBSCRIPT(RT_SUBSCRIPT_SLICE, start, end, n, RT_NO_PICK)
#define RT_ALL                     RT_SLICE(0, RT_END)
#define RT_PICK(tensor)            RT_SUBSCRIPT(RT_SUBSCRIPT_PICK, 0, 0, 1, tensor)
#define RT_NEW_AXIS                RT_SUBSCRIPT(RT_SUBSCRIPT_NEW_AXIS, 0, 0, 1, RT_NO_PICK)
#define RT_REST                    RT_SUBSCRIPT(RT_SUBSCRIPT_REST, 0, 0, 1, RT_NO_PICK)
/* A list of items and its length, as the functions below take them. */
typedef struct rt_subscripts {
    int n;                 /* number of items */
    rt_subscript item[17]; /* more cannot be needed: 8 axes, 8 new ones, RT_REST */
} rt_subscripts;
#ifdef __cplusplus
RT_END_DECLS
template <class... Items> rt_subscripts rt_subscripts_of(Items... items)
{
    static_assert(sizeof...(Items) <= 17, "rt_index: more than 17 items");
    return rt_subscripts{static_cast<int>(sizeof...(Items)), {items...}};
}
#define RT_SUBSCRIPTS(...) rt_subscripts_of(__VA_ARGS__)
RT_BEGIN_DECLS
#else
#define RT_SUBSCRIPTS(...)                                                                         \
    ((rt_subscripts){(int)(sizeof((rt_subscript[]){__VA_ARGS__}) / sizeof(rt_subscript)),          \
                     {__VA_ARGS__}})
#endif
/* Returns x[items]. It is a view if there is no RT_PICK among the items, otherwise a copy; gradients are
 * added in the order of the indices. */
#define rt_index(x, ...) rt_index_(x, RT_SUBSCRIPTS(__VA_ARGS__))
RT_API rt_tensor *rt_index_(rt_tensor *x, rt_subscripts items);
/* Returns a copy of x in which x[items] = values. They broadcast to the shape that rt_index would return,
 * and are converted to the type of x. If an element is written several times, the last value stays. */
#define rt_index_put(x, values, ...) rt_index_put_(x, values, RT_SUBSCRIPTS(__VA_ARGS__))
RT_API rt_tensor *rt_index_put_(rt_tensor *x, rt_tensor *values, rt_subscripts items);
/* Writes x[items] = values into x and returns x. It is recorded as rt_apply_in_place (op.h) says. */
#define rt_index_put_inplace(x, values, ...)                                                       \
    rt_index_put_inplace_(x, values, RT_SUBSCRIPTS(__VA_ARGS__))
RT_API rt_tensor *rt_index_put_inplace_(rt_tensor *x, rt_tensor *values, rt_subscripts items);
/* Returns a copy of x in which x[items] += values: values of repeated indices are all added, in their
 * order. Otherwise as rt_index_put. */
#define rt_index_accumulate(x, values, ...)                                                        \
    rt_index_accumulate_(x, values, RT_SUBSCRIPTS(__VA_ARGS__))
RT_API rt_tensor *rt_index_accumulate_(rt_tensor *x, rt_tensor *values, rt_subscripts items);
/* Adds x[items] += values in x and returns x, otherwise as rt_index_accumulate. */
#define rt_index_accumulate_inplace(x, values, ...)                                                \
    rt_index_accumulate_inplace_(x, values, RT_SUBSCRIPTS(__VA_ARGS__))
RT_API rt_tensor *rt_index_accumulate_inplace_(rt_tensor *x, rt_tensor *values,
                                               rt_subscripts items);

/* ---- picking ---- */
/* What embeddings have in common; tables of other types than floats have neither .max_norm nor a gradient. */
#define RT_EMBEDDING_VALUES(F)                                                                     \
    F(INT, padding_idx, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(INT32_MIN)),                                \
      "a row that gets no gradient; a negative one counts from the end")                           \
    F(NUMBER, max_norm, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(0)),                                        \
      "rows that are picked and longer are scaled to this length before, in the table itself")     \
    F(NUMBER, norm_type, 2, RT_ANY, "the order of the norm for max_norm")                          \
    F(FLAG, scale_grad_by_freq, false, RT_ANY,                                                     \
      "divide the gradient of a row by how often the index has it")
#define RT_EMBEDDING_FIELDS(F)                                                                     \
    F(INPUT, table, RT_NEEDED, RT_ANY_TYPE, "[v, d]")                                              \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "at most 7 axes; each in [0, v)")                     \
    RT_EMBEDDING_VALUES(F)
typedef struct rt_embedding_args {
    RT_STRUCT(RT_EMBEDDING_FIELDS)
} rt_embedding_args;
/* Returns rows of table [v, d], picked by an index [...] of int64: [..., d]. An index out of range
 * fails, and the message names it. With .max_norm the table, which must not be a result with a
 * history, is changed in place and unrecorded, as PyTorch does. */
#define rt_embedding(...)                                                                          \
    RT_OP_CALL(rt_embedding_, rt_embedding_args, RT_EMBEDDING_FIELDS, table, __VA_ARGS__)
RT_API rt_tensor *rt_embedding_(rt_embedding_args a);
/* What becomes of the rows of a bag. */
typedef enum rt_bag_mode { RT_BAG_MEAN, RT_BAG_SUM, RT_BAG_MAX } rt_bag_mode;
#define RT_EMBEDDING_BAG_FIELDS(F)                                                                 \
    F(INPUT, table, RT_NEEDED, RT_FLOATS, "[v, d]")                                                \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "[bags, n], or [all], cut into bags by offsets")      \
    F(INPUT, offsets, RT_OPTIONAL, RT_TYPE(I64), "[bags]: where each begins in index [all]")       \
    F(INPUT, per_sample_weights, RT_OPTIONAL, RT_FLOATS, "as index: factors of the rows of a sum") \
    F(CHOICE, mode, RT_BAG_MEAN, "mean|sum|max", "what becomes of the rows of a bag")              \
    F(FLAG, include_last_offset, false, RT_ANY, "offsets also has the end: [bags + 1]")            \
    RT_EMBEDDING_VALUES(F)
typedef struct rt_embedding_bag_args {
    RT_STRUCT(RT_EMBEDDING_BAG_FIELDS)
} rt_embedding_bag_args;
/* Returns the mean, sum or maximum of the rows that rt_embedding picks for each bag: [bags, d]; 0 for
 * an empty bag. A row that is padding does not count. The gradient of a maximum goes to the first row
 * that has it. */
#define rt_embedding_bag(...)                                                                      \
    RT_OP_CALL(rt_embedding_bag_, rt_embedding_bag_args, RT_EMBEDDING_BAG_FIELDS, table,           \
               __VA_ARGS__)
RT_API rt_tensor *rt_embedding_bag_(rt_embedding_bag_args a);
/* Returns elements of x along `axis`, picked by an index that has as many axes as x, of which none but
 * `axis` is longer; a scalar counts as one axis of size 1. The result has the index's shape. */
RT_API rt_tensor *rt_gather(rt_tensor *x, int axis, rt_tensor *index);
/* Returns slices of x along `axis`, picked by an index [n] or []: x's shape, but n along the axis. */
RT_API rt_tensor *rt_index_select(rt_tensor *x, int axis, rt_tensor *index);
/* Returns elements of x, whose elements count in row-major order, in the shape of the index. Negative
 * indices count from the end. */
RT_API rt_tensor *rt_take(rt_tensor *x, rt_tensor *index);
#define RT_TAKE_ALONG_DIM_FIELDS(F)                                                                \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, index, RT_NEEDED, RT_INTEGERS, "one that broadcasts with x, but for the axis")        \
    F(INT, axis, RT_NOT_GIVEN, RT_MAYBE(RT_WITHIN(-8, 7)), "the axis that the index counts along")
/* The arguments of rt_take_along_dim. */
typedef struct rt_take_along_dim_args {
    RT_STRUCT(RT_TAKE_ALONG_DIM_FIELDS)
} rt_take_along_dim_args;
/* Returns elements of x along `.axis`, as rt_gather does, after x and index are broadcast to each other
 * along all other axes: what argmax and its like find. Without an axis, both count as flat. Negative indices
 * count from the end. */
#define rt_take_along_dim(...)                                                                     \
    RT_OP_CALL(rt_take_along_dim_, rt_take_along_dim_args, RT_TAKE_ALONG_DIM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_take_along_dim_(rt_take_along_dim_args a);
/* Returns the elements of x where the mask, a bool, is true: [n], in row-major order. They are broadcast
 * to each other. */
RT_API rt_tensor *rt_masked_select(rt_tensor *x, rt_tensor *mask);
/* Returns the coordinates of the elements of x that are not zero, in row-major order: int64 [n, the number of
 * axes]. */
RT_API rt_tensor *rt_nonzero(rt_tensor *x);
/* The same under NumPy's name. */
RT_API rt_tensor *rt_argwhere(rt_tensor *x);

/* ---- writing: x itself stays, the result is a copy ---- */
/* Returns x with src[..i..] at y[..index[..i..]..] along `axis`. The index has as many axes as x, none but `axis`
 * longer; src may be longer than the index, and the rest of it is not used. Of repeated indices the last
 * one in row-major order counts. */
RT_API rt_tensor *rt_scatter(rt_tensor *x, int axis, rt_tensor *index, rt_tensor *src);
/* Returns x with a value there. */
RT_API rt_tensor *rt_scatter_value(rt_tensor *x, int axis, rt_tensor *index, double value);
/* Returns x with src added there, in row-major order; bools are joined by "or". */
RT_API rt_tensor *rt_scatter_add(rt_tensor *x, int axis, rt_tensor *index, rt_tensor *src);
/* How rt_scatter_reduce joins elements: their sum, product, mean (rounded down for integers), largest, smallest.
 * NaN is both the largest and the smallest. */
typedef enum rt_scatter_reduction {
    RT_SCATTER_SUM,
    RT_SCATTER_PROD,
    RT_SCATTER_MEAN,
    RT_SCATTER_AMAX,
    RT_SCATTER_AMIN,
} rt_scatter_reduction;
#define RT_SCATTER_REDUCE_FIELDS(F)                                                                \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "any shape")                                     \
    F(INPUT, index, RT_NEEDED, RT_INTEGERS, "as many axes, none but `axis` longer than x's")       \
    F(INPUT, src, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "as many axes, none shorter than the index's") \
    F(INT, axis, 0, RT_ANY, "the axis that the index counts along")                                \
    F(CHOICE, reduce, RT_SCATTER_SUM, "sum|prod|mean|amax|amin", "how elements are joined")        \
    F(FLAG, include_self, true, RT_ANY, "join with the element of x; false: replace it")
/* The arguments of rt_scatter_reduce. */
typedef struct rt_scatter_reduce_args {
    RT_STRUCT(RT_SCATTER_REDUCE_FIELDS)
} rt_scatter_reduce_args;
/* Returns x with src joined to the elements at the index, as rt_scatter_add does for sums:
 * rt_scatter_reduce(x, index, src, .axis = 1, .reduce = RT_SCATTER_AMAX). The elements that are equally large,
 * or small, share the gradient. */
#define rt_scatter_reduce(...)                                                                     \
    RT_OP_CALL(rt_scatter_reduce_, rt_scatter_reduce_args, RT_SCATTER_REDUCE_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_scatter_reduce_(rt_scatter_reduce_args a);
#define RT_INDEX_ADD_FIELDS(F)                                                                     \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "any shape")                                     \
    F(INPUT, index, RT_NEEDED, RT_INTEGERS, "[n]; each in [0, the size of the axis)")              \
    F(INPUT, src, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "x's shape, but n along the axis")             \
    F(INT, axis, 0, RT_ANY, "the axis that the index counts along")                                \
    F(NUMBER, alpha, 1, RT_ANY, "factor of src")
/* The arguments of rt_index_add. */
typedef struct rt_index_add_args {
    RT_STRUCT(RT_INDEX_ADD_FIELDS)
} rt_index_add_args;
/* Returns x with alpha times the slices of src added to its slices at the index along `.axis`, in the order of
 * the index: rt_index_add(x, index, src, .axis = 1). */
#define rt_index_add(...)                                                                          \
    RT_OP_CALL(rt_index_add_, rt_index_add_args, RT_INDEX_ADD_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_index_add_(rt_index_add_args a);
/* Returns x with its slices at the index along `axis` replaced by those of src. Of repeated indices the last
 * one counts. */
RT_API rt_tensor *rt_index_copy(rt_tensor *x, int axis, rt_tensor *index, rt_tensor *src);
/* Returns x with its slices at the index along `axis` filled with a value. */
RT_API rt_tensor *rt_index_fill(rt_tensor *x, int axis, rt_tensor *index, double value);

/* ---- places in sorted rows ---- */
#define RT_SEARCHSORTED_FIELDS(F)                                                                  \
    F(INPUT, sorted, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_INTEGERS, "[..., n], ascending")       \
    F(INPUT, values, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_INTEGERS,                              \
      "[..., m] with the same first axes; any shape if sorted is [n]")                             \
    F(INPUT, sorter, RT_OPTIONAL, RT_INTEGERS, "the index that sorts `sorted`, if it is not")      \
    F(FLAG, right, false, RT_ANY, "after those that are equal; false: before them")                \
    F(FLAG, out_int32, false, RT_ANY, "int32 instead of int64")
/* The arguments of rt_searchsorted. */
typedef struct rt_searchsorted_args {
    RT_STRUCT(RT_SEARCHSORTED_FIELDS)
} rt_searchsorted_args;
/* Returns where each value would be inserted into its sorted row: how many elements of that are less than it
 * (not greater, with .right). int64, or int32 on demand, in the shape of the values; no gradient. NaN is greater
 * than all numbers. */
#define rt_searchsorted(...)                                                                       \
    RT_OP_CALL(rt_searchsorted_, rt_searchsorted_args, RT_SEARCHSORTED_FIELDS, sorted, __VA_ARGS__)
RT_API rt_tensor *rt_searchsorted_(rt_searchsorted_args a);
#define RT_BUCKETIZE_FIELDS(F)                                                                     \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_INTEGERS, "any shape")                      \
    F(INPUT, boundaries, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_INTEGERS, "[n], ascending")        \
    F(FLAG, right, false, RT_ANY, "an element that is a boundary: into the bucket after it")       \
    F(FLAG, out_int32, false, RT_ANY, "int32 instead of int64")
/* The arguments of rt_bucketize. */
typedef struct rt_bucketize_args {
    RT_STRUCT(RT_BUCKETIZE_FIELDS)
} rt_bucketize_args;
/* Returns in which of the buckets between the boundaries each x lies, from 0: rt_searchsorted with both
 * exchanged. */
#define rt_bucketize(...)                                                                          \
    RT_OP_CALL(rt_bucketize_, rt_bucketize_args, RT_BUCKETIZE_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_bucketize_(rt_bucketize_args a);

RT_END_DECLS

#endif
