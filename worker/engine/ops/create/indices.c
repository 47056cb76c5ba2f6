/* Indices of the elements of a triangle, and vectors that mark an index. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

/* ---- triangles ---- */

#define TRIANGLE_FIELDS(F)                                                                         \
    F(INT, rows, RT_NEEDED, RT_FROM(0), "of the matrix")                                           \
    F(INT, columns, RT_NEEDED, RT_FROM(0), "of the matrix")                                        \
    F(INT, offset, 0, RT_ANY_DIAGONAL,                                                             \
      "the diagonal that ends it: 0 the main one, positive above it")                              \
    F(DTYPE, dtype, RT_I64, RT_ANY, "of the indices")
typedef struct RT_DESIGNATED triangle_args {
    RT_STRUCT(TRIANGLE_FIELDS)
} triangle_args;

typedef struct RT_DESIGNATED indices_args {
    triangle_args of;
    bool lower;
} indices_args;

static __int128 clamp(__int128 v, __int128 low, __int128 high)
{
    return v < low ? low : v > high ? high : v;
}

/* Counts the elements below or on a diagonal: row r has r + offset + 1 of them, at least 0 and at most all. */
static __int128 count_below(const triangle_args *a, __int128 offset)
{
    __int128 first = clamp(-offset, 0, a->rows);            /* the first row that has one */
    __int128 full = clamp(a->columns - offset, 0, a->rows); /* the first row that has all */
    full = full < first ? first : full;
    __int128 partial = full - first, least = first + offset + 1;
    return partial * least + partial * (partial - 1) / 2 + (a->rows - full) * a->columns;
}

static rt_status indices_infer(rt_call *c)
{
    const indices_args *i = c->args;
    const triangle_args *a = &i->of;
    __int128 count = i->lower
                         ? count_below(a, a->offset)
                         : (__int128)a->rows * a->columns - count_below(a, (__int128)a->offset - 1);
    if (count > INT64_MAX / 16)
        return RT_FAIL(RANGE, "%s: the indices are more than any memory holds",
                       i->lower ? "tril_indices" : "triu_indices");
    return rt_result(c, 0, rt_shape(2, (int64_t)count), RT_I64);
}

/* Writes the indices of the columns [from, to) of each row: rows first, then columns. */
static rt_status indices_run(rt_call *c)
{
    const triangle_args *a = &((const indices_args *)c->args)->of;
    bool lower = ((const indices_args *)c->args)->lower;
    int64_t n = c->out[0]->dims.d[1], *row = rt_i64(c->out[0]), *column = row + n;
    for (int64_t r = 0, at = 0; row && at < n; r++) {
        int64_t edge = (int64_t)clamp((__int128)r + a->offset + lower, 0, a->columns);
        for (int64_t k = lower ? 0 : edge; k < (lower ? edge : a->columns); k++, at++) {
            row[at] = r;
            column[at] = k;
        }
    }
    return rt_error_code();
}

static const rt_op indices_op = {
    .name = "triangle_indices",
    .args_size = sizeof(indices_args),
    .infer = indices_infer,
    .run = indices_run,
};

RT_COMPOSITE(tril_indices, triangle_args, TRIANGLE_FIELDS,
             "y[:, i] = row and column of the i-th element of a matrix on or below a diagonal",
             .derivatives = RT_CONSTANT)
{
    return rt_to(rt_apply(&indices_op, &(indices_args){.of = *a, .lower = true}), a->dtype);
}

RT_COMPOSITE(triu_indices, triangle_args, TRIANGLE_FIELDS,
             "y[:, i] = row and column of the i-th element of a matrix on or above a diagonal",
             .derivatives = RT_CONSTANT)
{
    return rt_to(rt_apply(&indices_op, &(indices_args){.of = *a}), a->dtype);
}

rt_tensor *rt_tril_indices(int64_t rows, int64_t columns, int64_t offset)
{
    return rt_apply(
        &rt__op_tril_indices,
        &(triangle_args){.rows = rows, .columns = columns, .offset = offset, .dtype = RT_I64});
}

rt_tensor *rt_triu_indices(int64_t rows, int64_t columns, int64_t offset)
{
    return rt_apply(
        &rt__op_triu_indices,
        &(triangle_args){.rows = rows, .columns = columns, .offset = offset, .dtype = RT_I64});
}

/* ---- one_hot ---- */

#define ONE_HOT_FIELDS(F)                                                                          \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "at most 7 axes; each in [0, classes)")               \
    F(INT, classes, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(1)),                                            \
      "how many; not given: one more than the largest index")
typedef struct RT_DESIGNATED one_hot_args {
    RT_STRUCT(ONE_HOT_FIELDS)
} one_hot_args;

RT_COMPOSITE(one_hot, one_hot_args, ONE_HOT_FIELDS,
             "y[..., k] = 1 if index[...] is k, else 0; int64", .derivatives = RT_CONSTANT)
{
    rt_tensor *index = a->index;
    rt_dims dims = index->dims;
    if (dims.n == RT_MAX_DIMS)
        return RT_FAIL_NULL(SHAPE, "one_hot: %s, expected at most %d axes", rt_describe(index),
                            RT_MAX_DIMS - 1);
    int64_t classes = a->classes;
    if (index->numel == 0 && classes == RT_NOT_GIVEN)
        return RT_FAIL_NULL(ARG, "one_hot: the number of classes of %s is unknown: give it",
                            rt_describe(index));
    int64_t least = index->numel ? rt__whole_item(rt_amin(index)) : 0;
    int64_t most = index->numel ? rt__whole_item(rt_amax(index)) : 0;
    if (rt_failed())
        return NULL;
    int64_t last = classes != RT_NOT_GIVEN ? classes - 1 : most < INT64_MAX ? most : most - 1;
    if (least < 0 || (index->numel && most > last))
        return RT_FAIL_NULL(RANGE, "one_hot: index %lld, expected 0 to %lld",
                            (long long)(least < 0 ? least : most), (long long)last);
    classes = last + 1;
    dims.d[dims.n++] = classes;
    if (index->numel == 0)
        return rt_zeros(dims, RT_I64);
    rt_dims one = dims;
    one.d[one.n - 1] = 1;
    return rt__scatter_add(rt_ones(one, RT_I64), -1, rt_unsqueeze(index, -1), dims);
}

rt_tensor *rt_one_hot(rt_tensor *index, int64_t classes)
{
    return rt_apply(&rt__op_one_hot, &(one_hot_args){.index = index, .classes = classes});
}
