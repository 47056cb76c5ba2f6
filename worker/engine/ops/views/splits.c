/* Operations that divide a tensor along an axis into several views. They share one view of many results, whose gradient joins those of the
 * parts: views made one by one would each have a gradient of the size of x. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/ops/ops.h"
#include <string.h>

/* ---- the parts ---- */

#define PARTS_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")
typedef struct RT_DESIGNATED parts_args {
    RT_STRUCT(PARTS_FIELDS)
    int axis;
    bool drop;            /* the parts have size 1, and lose the axis */
    const int64_t *sizes; /* [count]; together the whole axis */
    int64_t count;
} parts_args;

static rt_status parts_infer(rt_call *c)
{
    const parts_args *a = c->args;
    const rt_tensor *x = c->in[0];
    RT_TRY(rt_results(c, (int)a->count));
    rt_dims dims = x->dims;
    int64_t stride[RT_MAX_DIMS], at = 0;
    memcpy(stride, x->stride, sizeof stride);
    if (a->drop) {
        dims.n--;
        for (int i = a->axis; i < dims.n; i++) {
            dims.d[i] = x->dims.d[i + 1];
            stride[i] = x->stride[i + 1];
        }
    }
    for (int k = 0; k < a->count; at += a->sizes[k++]) {
        if (!a->drop)
            dims.d[a->axis] = a->sizes[k];
        bool empty = rt__dims_numel(dims, "split") == 0;
        RT_TRY(rt__window_of(c, k, x->dtype, dims, stride, empty ? 0 : at * x->stride[a->axis]));
    }
    return RT_OK;
}

static void parts_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const parts_args *a = c->args; /* its list is gone */
    dx[0] = a->drop ? rt_stack(dy, c->n_out, a->axis) : rt_cat(dy, c->n_out, a->axis);
}

static const rt_op parts_op = {
    .name = "split",
    RT_INTERNAL_ARGS(parts_args, PARTS_FIELDS),
    .n_out = RT_MANY,
    .infer = parts_infer,
    .backward = parts_backward,
};

/* Makes the results of a composite: parts of its input along an axis, of these sizes. */
static void make_parts(rt_call *c, int axis, bool drop, const int64_t *sizes, int64_t count)
{
    if (count > INT32_MAX)
        RT_FAIL(RANGE, "%s: %lld results are more than there can be", c->op->name,
                (long long)count);
    else if (rt_results(c, (int)count) == RT_OK && count > 0)
        rt_apply_all(&parts_op,
                     &(parts_args){
                         .x = c->in[0], .axis = axis, .drop = drop, .sizes = sizes, .count = count},
                     c->out, (int)count);
}

/* Makes `count` parts that begin at multiples of `size`, the first `longer` of them one longer. */
static void make_even_parts(rt_call *c, int axis, int64_t size, int64_t count, int64_t longer)
{
    int64_t whole = c->in[0]->dims.d[axis], at = 0;
    bool sane = count <= INT32_MAX / 2;
    int64_t *sizes = sane ? rt_calloc((size_t)count, sizeof *sizes) : NULL;
    for (int64_t k = 0; k < count && sizes; at += sizes[k++]) {
        sizes[k] = k < longer ? size + 1 : size;
        if (sizes[k] > whole - at)
            sizes[k] = whole - at;
    }
    if (sizes || !sane)
        make_parts(c, axis, false, sizes, count);
    rt_mem_free(sizes);
}

/* ---- unbind, chunk, split ---- */

#define UNBIND_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INT, axis, 0, RT_ANY_AXIS, "the axis that goes")
typedef struct RT_DESIGNATED unbind_args {
    RT_STRUCT(UNBIND_FIELDS)
} unbind_args;

RT_COMPOSITE_OF(unbind, RT_MANY, unbind_args, UNBIND_FIELDS, "y_i = x[i] along an axis, for all i")
{
    int axis = rt__axis("unbind", a->axis, a->x->dims.n);
    int64_t count = axis < 0 ? -1 : a->x->dims.d[axis];
    int64_t *ones = count >= 0 ? rt_calloc((size_t)count, sizeof *ones) : NULL;
    for (int64_t k = 0; k < count && ones; k++)
        ones[k] = 1;
    if (ones)
        make_parts(c, axis, true, ones, count);
    rt_mem_free(ones);
}

int rt_unbind(rt_tensor *x, int axis, rt_tensor **out, int room)
{
    return rt__apply_many(&rt__op_unbind, &(unbind_args){.x = x, .axis = axis}, out, room);
}

#define CHUNK_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INT, chunks, RT_NEEDED, RT_FROM(1), "how many, at most")                                     \
    F(INT, axis, 0, RT_ANY_AXIS, "the axis that is divided")
typedef struct RT_DESIGNATED chunk_args {
    RT_STRUCT(CHUNK_FIELDS)
} chunk_args;

RT_COMPOSITE_OF(chunk, RT_MANY, chunk_args, CHUNK_FIELDS,
                "y_i = x[i * size : (i + 1) * size] of an axis, size = ceil(n / chunks)")
{
    int axis = rt__axis("chunk", a->axis, a->x->dims.n);
    if (axis < 0)
        return;
    int64_t n = a->x->dims.d[axis], size = n > 0 ? (n - 1) / a->chunks + 1 : 0;
    make_even_parts(c, axis, size, size > 0 ? (n - 1) / size + 1 : a->chunks, 0);
}

int rt_chunk(rt_tensor *x, int64_t chunks, int axis, rt_tensor **out, int room)
{
    return rt__apply_many(&rt__op_chunk, &(chunk_args){.x = x, .chunks = chunks, .axis = axis}, out,
                          room);
}

#define SPLIT_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INT, size, RT_NEEDED, RT_FROM(0), "of each part; the last may be smaller")                   \
    F(INT, axis, 0, RT_ANY_AXIS, "the axis that is divided")
typedef struct RT_DESIGNATED split_args {
    RT_STRUCT(SPLIT_FIELDS)
} split_args;

RT_COMPOSITE_OF(split, RT_MANY, split_args, SPLIT_FIELDS,
                "y_i = x[i * size : (i + 1) * size] along an axis")
{
    int axis = rt__axis("split", a->axis, a->x->dims.n);
    if (axis < 0)
        return;
    int64_t n = a->x->dims.d[axis];
    if (a->size == 0 && n > 0)
        RT_FAIL(RANGE, "split: parts of size 0 along axis %d of %s, expected 1 or more", axis,
                rt_describe(a->x));
    else
        make_even_parts(c, axis, a->size, n > 0 ? (n - 1) / a->size + 1 : 1, 0);
}

int rt_split(rt_tensor *x, int64_t size, int axis, rt_tensor **out, int room)
{
    return rt__apply_many(&rt__op_split, &(split_args){.x = x, .size = size, .axis = axis}, out,
                          room);
}

#define SPLIT_WITH_SIZES_FIELDS(F)                                                                 \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INTS, sizes, RT_NEEDED, RT_FROM(0), "of the parts; together that of the axis")               \
    F(INT, axis, 0, RT_ANY_AXIS, "the axis that is divided")
typedef struct RT_DESIGNATED split_with_sizes_args {
    RT_STRUCT(SPLIT_WITH_SIZES_FIELDS)
} split_with_sizes_args;

RT_COMPOSITE_OF(split_with_sizes, RT_MANY, split_with_sizes_args, SPLIT_WITH_SIZES_FIELDS,
                "y_i = the next sizes[i] indices of x along an axis")
{
    int axis = rt__axis("split_with_sizes", a->axis, a->x->dims.n);
    if (axis < 0)
        return;
    int64_t left = a->x->dims.d[axis];
    for (int64_t k = 0; k < a->sizes_count && left >= 0; k++)
        left = a->sizes[k] <= left ? left - a->sizes[k] : -1;
    if (left != 0)
        RT_FAIL(SHAPE, "split_with_sizes: the sum of the sizes is not the size of axis %d of %s",
                axis, rt_describe(a->x));
    else
        make_parts(c, axis, false, a->sizes, a->sizes_count);
}

int rt_split_with_sizes(rt_tensor *x, const int64_t *sizes, int count, int axis, rt_tensor **out)
{
    return rt__apply_many(
        &rt__op_split_with_sizes,
        &(split_with_sizes_args){.x = x, .sizes = sizes, .sizes_count = count, .axis = axis}, out,
        count);
}

/* ---- tensor_split and those of one axis ---- */

#define BY_FIELDS(F)                                                                               \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INT, sections, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(1)),                                           \
      "how many parts; not given: one more than indices")                                          \
    F(INTS, indices, RT_EMPTY, RT_ANY, "where parts after the first begin")
typedef struct RT_DESIGNATED by_args {
    RT_STRUCT(BY_FIELDS)
} by_args;

#define TENSOR_SPLIT_FIELDS(F)                                                                     \
    BY_FIELDS(F)                                                                                   \
    F(INT, axis, 0, RT_ANY_AXIS, "the axis that is divided")
typedef struct RT_DESIGNATED tensor_split_args {
    RT_STRUCT(TENSOR_SPLIT_FIELDS)
} tensor_split_args;

/* Returns the index that Python's slices make of v. */
static int64_t clamped(int64_t v, int64_t n)
{
    v = v < 0 ? v + n : v;
    return v < 0 ? 0 : v > n ? n : v;
}

/* Slices from index to index, which may overlap or leave something out if the indices do not rise. */
static void split_at(rt_call *c, int axis, const int64_t *indices, int64_t count)
{
    if (count >= INT32_MAX || rt_results(c, (int)count + 1) != RT_OK)
        return;
    for (int64_t k = 0; k <= count; k++) {
        int64_t from = k > 0 ? indices[k - 1] : 0, to = k < count ? indices[k] : INT64_MAX;
        c->out[k] = rt_slice(c->in[0], axis, from, to);
    }
}

static void split_by(rt_call *c, int axis, int64_t sections, const int64_t *indices, int64_t count)
{
    int64_t n = c->in[0]->dims.d[axis], last = 0;
    if (sections != RT_NOT_GIVEN) {
        make_even_parts(c, axis, n / sections, sections, n % sections);
        return;
    }
    int64_t *sizes = rt_calloc((size_t)count + 1, sizeof *sizes);
    bool rising = true;
    for (int64_t k = 0; k <= count && sizes && rising; k++) {
        int64_t at = k < count ? clamped(indices[k], n) : n;
        rising = at >= last;
        sizes[k] = at - last;
        last = at;
    }
    if (sizes && rising)
        make_parts(c, axis, false, sizes, count + 1);
    else if (sizes)
        split_at(c, axis, indices, count);
    rt_mem_free(sizes);
}

RT_COMPOSITE_OF(tensor_split, RT_MANY, tensor_split_args, TENSOR_SPLIT_FIELDS,
                "y_i = part i of equal ones of an axis, or x[indices[i - 1] : indices[i]]")
{
    int axis = rt__axis("tensor_split", a->axis, a->x->dims.n);
    if (axis >= 0)
        split_by(c, axis, a->sections, a->indices, a->indices_count);
}

int rt_tensor_split(rt_tensor *x, int64_t n, const int64_t *indices, int axis, rt_tensor **out,
                    int room)
{
    return rt__apply_many(&rt__op_tensor_split,
                          &(tensor_split_args){.x = x,
                                               .sections = indices ? RT_NOT_GIVEN : n,
                                               .indices = indices,
                                               .indices_count = indices ? n : 0,
                                               .axis = axis},
                          out, room);
}

/* Splits along an axis that the operation's name says; equal parts must be equal. */
static void split_along(rt_call *c, int axis, int least)
{
    const by_args *a = c->args;
    const rt_tensor *x = c->in[0];
    if (x->dims.n < least)
        RT_FAIL(SHAPE, "%s: %s, expected %d axes or more", c->op->name, rt_describe(x), least);
    else if (a->sections != RT_NOT_GIVEN && x->dims.d[axis] % a->sections != 0)
        RT_FAIL(SHAPE, "%s: axis %d of %s does not divide into %lld equal parts", c->op->name, axis,
                rt_describe(x), (long long)a->sections);
    else
        split_by(c, axis, a->sections, a->indices, a->indices_count);
}

RT_COMPOSITE_OF(hsplit, RT_MANY, by_args, BY_FIELDS,
                "as tensor_split along axis 1, or along axis 0 of a vector")
{
    split_along(c, c->in[0]->dims.n == 1 ? 0 : 1, 1);
}

RT_COMPOSITE_OF(vsplit, RT_MANY, by_args, BY_FIELDS, "as tensor_split along axis 0")
{
    split_along(c, 0, 2);
}

RT_COMPOSITE_OF(dsplit, RT_MANY, by_args, BY_FIELDS, "as tensor_split along axis 2")
{
    split_along(c, 2, 3);
}

static int split_named(const rt_op *op, rt_tensor *x, int64_t n, const int64_t *indices,
                       rt_tensor **out, int room)
{
    return rt__apply_many(op,
                          &(by_args){.x = x,
                                     .sections = indices ? RT_NOT_GIVEN : n,
                                     .indices = indices,
                                     .indices_count = indices ? n : 0},
                          out, room);
}

int rt_hsplit(rt_tensor *x, int64_t n, const int64_t *indices, rt_tensor **out, int room)
{
    return split_named(&rt__op_hsplit, x, n, indices, out, room);
}

int rt_vsplit(rt_tensor *x, int64_t n, const int64_t *indices, rt_tensor **out, int room)
{
    return split_named(&rt__op_vsplit, x, n, indices, out, room);
}

int rt_dsplit(rt_tensor *x, int64_t n, const int64_t *indices, rt_tensor **out, int room)
{
    return split_named(&rt__op_dsplit, x, n, indices, out, room);
}

/* ---- meshgrid ---- */

#define MESHGRID_FIELDS(F)                                                                         \
    F(INPUTS, xs, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "[n_i] or scalars, at most 8")                 \
    F(CHOICE, indexing, 0, "ij|xy", "xy: the first two axes are exchanged")
typedef struct RT_DESIGNATED meshgrid_args {
    RT_STRUCT(MESHGRID_FIELDS)
} meshgrid_args;

RT_COMPOSITE_OF(meshgrid, RT_MANY, meshgrid_args, MESHGRID_FIELDS, "y_i[k_0, k_1, ...] = xs_i[k_i]")
{
    bool swap = a->indexing == 1 && c->n_in > 1;
    rt_dims shape = {.n = c->n_in};
    if (c->n_in > RT_MAX_DIMS) {
        RT_FAIL(SHAPE, "meshgrid: %d tensors, expected at most %d", c->n_in, RT_MAX_DIMS);
        return;
    }
    for (int i = 0; i < c->n_in; i++) {
        if (c->in[i]->dims.n > 1) {
            RT_FAIL(SHAPE, "meshgrid: tensor %d is %s, expected one axis or none", i,
                    rt_describe(c->in[i]));
            return;
        }
        shape.d[swap && i < 2 ? 1 - i : i] = c->in[i]->numel;
    }
    if (rt_results(c, c->n_in) != RT_OK)
        return;
    for (int i = 0; i < c->n_in; i++) {
        int axis = swap && i < 2 ? 1 - i : i;
        rt_dims along = {.n = c->n_in};
        for (int k = 0; k < along.n; k++)
            along.d[k] = k == axis ? c->in[i]->numel : 1;
        c->out[i] = rt_expand(rt_reshape(c->in[i], along), shape);
    }
}

int rt_meshgrid(rt_tensor *const *xs, int count, bool xy, rt_tensor **out)
{
    return rt__apply_many(&rt__op_meshgrid,
                          &(meshgrid_args){.xs = xs, .xs_count = count, .indexing = xy}, out,
                          count);
}
