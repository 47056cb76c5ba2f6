/* Rows of a table selected by an int64 index: y[i] = table[index[i]]. The gradient adds the rows of dy to a table of zeros in the order
 * of the index, so that repeated indices always give the same bits; the gradient of that is embedding again. */
#include "worker/engine/ops/index/index.h"
#include <ringtorch/autograd.h>

/* Describes n rows of a table, each selected by an index. */
static rt_pick pick_rows(int64_t n, const rt_tensor *table)
{
    int64_t d = table->dims.d[1];
    return (rt_pick){.bytes = rt_dtype_size(table->dtype),
                     .size = table->dims.d[0],
                     .step = d,
                     .nd = 2,
                     .dim = {n, d},
                     .at = {1, 0},
                     .stride = {0, 1}};
}

/* ---- the gradient ---- */

#define EMBEDDING_GRAD_FIELDS(F)                                                                   \
    F(INPUT, dy, RT_NEEDED, RT_FLOATS | RT_COMPLEX, "[..., d]")                                    \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "[...]")
typedef struct RT_DESIGNATED embedding_grad_args {
    RT_STRUCT(EMBEDDING_GRAD_FIELDS)
    rt_dims table;   /* [v, d] */
    int64_t padding; /* a row that stays 0; -1: none */
} embedding_grad_args;

static rt_tensor *pick(rt_tensor *table, rt_tensor *index);

static rt_status embedding_grad_infer(rt_call *c)
{
    const embedding_grad_args *a = c->args;
    return rt_result(c, 0, a->table, c->in[0]->dtype);
}

static rt_status embedding_grad_run(rt_call *c)
{
    rt_tensor *dtable = c->out[0];
    RT_TRY(rt__fill(dtable, 0));
    rt_pick rows = pick_rows(c->in[1]->numel, dtable);
    rt_exec *e = rt_exec_of(c);
    e->kernels->scatter_add[dtable->dtype](e, &rows, c->in[0]->data, c->in[1]->data, dtable->data);
    int64_t padding = ((const embedding_grad_args *)c->args)->padding;
    if (padding >= 0 && !rt_failed())
        RT_TRY(rt__fill(rt_select(dtable, 0, padding), 0));
    return rt__index_error(c);
}

static void embedding_grad_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    int64_t padding = ((const embedding_grad_args *)c->args)->padding;
    rt_tensor *dy = pick(g[0], c->in[1]);
    if (padding >= 0) {
        rt_tensor *is = rt_eq(c->in[1], rt_full(rt_shape(), (double)padding, RT_I64));
        dy = rt_where(rt_unsqueeze(is, -1), rt_full(rt_shape(), 0, g[0]->dtype), dy);
    }
    dx[0] = dy;
}

static const rt_op embedding_grad_op = {
    .name = "embedding_grad",
    RT_INTERNAL_ARGS(embedding_grad_args, EMBEDDING_GRAD_FIELDS),
    .infer = embedding_grad_infer,
    .run = embedding_grad_run,
    .backward = embedding_grad_backward,
    .saves_in = 1 << 1,
};

rt_tensor *rt__rows_added(rt_tensor *rows, rt_tensor *index, rt_dims dims)
{
    return rt_apply(
        &embedding_grad_op,
        &(embedding_grad_args){.dy = rows, .index = index, .table = dims, .padding = -1});
}

/* ---- the rows ---- */

#define ROWS_FIELDS(F)                                                                             \
    F(INPUT, table, RT_NEEDED, RT_ANY_TYPE, "[v, d]")                                              \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "at most 7 axes; each in [0, v)")
typedef struct RT_DESIGNATED rows_args {
    RT_STRUCT(ROWS_FIELDS)
    int64_t padding; /* a row that gets no gradient; -1: none */
    bool by_count;   /* the gradient of a row is divided by how often the index has it */
} rows_args;

static rt_status embedding_infer(rt_call *c)
{
    const rt_tensor *table = c->in[0];
    rt_dims dims = c->in[1]->dims;
    if (table->dims.n != 2 || dims.n == RT_MAX_DIMS)
        return RT_FAIL(SHAPE, "embedding: table %s and index %s, expected [v,d] and up to 7 axes",
                       rt_dims_text(table->dims), rt_dims_text(dims));
    dims.d[dims.n++] = table->dims.d[1];
    return rt_result(c, 0, dims, table->dtype);
}

static rt_status embedding_run(rt_call *c)
{
    const rt_tensor *table = c->in[0], *index = c->in[1];
    rt_pick rows = pick_rows(index->numel, table);
    rt_exec *e = rt_exec_of(c);
    e->kernels->gather(e, &rows, table->data, index->data, c->out[0]->data);
    return rt__index_error(c);
}

/* Returns 1 / (how often the index has it) for each element of the index [..., 1]. */
static rt_tensor *shares(rt_tensor *index, int64_t v, rt_dtype dtype)
{
    rt_tensor *flat = rt_reshape(index, rt_shape(index->numel));
    rt_tensor *counts =
        rt__scatter_add(rt_ones(rt_shape(index->numel), RT_I64), 0, flat, rt_shape(v));
    rt_tensor *share = rt_reciprocal(rt_to(rt_gather(counts, 0, flat), RT_F32));
    return rt_unsqueeze(rt_to(rt_reshape(share, index->dims), dtype), -1);
}

static void embedding_backward(rt_call *c, rt_tensor *const *dys, rt_tensor **dx)
{
    const rows_args *a = c->args;
    rt_tensor *dy = dys[0];
    rt_dims table = c->in[0]->dims;
    if (a->by_count)
        dy = rt_mul(dy, shares(c->in[1], table.d[0], dy->dtype));
    rt_aim(c, 0);
    dx[0] = rt_apply(
        &embedding_grad_op,
        &(embedding_grad_args){.dy = dy, .index = c->in[1], .table = table, .padding = a->padding});
}

static const rt_op rows_op = {
    .name = "embedding",
    RT_INTERNAL_ARGS(rows_args, ROWS_FIELDS),
    .infer = embedding_infer,
    .run = embedding_run,
    .backward = embedding_backward,
    .saves_in = 1 << 1,
};

static rt_tensor *pick(rt_tensor *table, rt_tensor *index)
{
    return rt_apply(&rows_op, &(rows_args){.table = table, .index = index, .padding = -1});
}

/* ---- the longest rows are scaled ---- */

/* Multiplies the rows that are picked and longer than a->max_norm by max_norm / (norm + 1e-7), as PyTorch does. */
static rt_status shorten(const rt_embedding_args *a)
{
    rt_tensor *table = rt_detach(a->table);
    rt_tensor *rows = rt_unique(rt_reshape(a->index, rt_shape(a->index->numel))).values;
    rt_tensor *norm =
        rt_norm(pick(table, rows), .p = a->norm_type, .axes = rt_shape(1), .keep_dim = true);
    rt_tensor *most = norm ? rt_full(rt_shape(), a->max_norm, norm->dtype) : NULL;
    rt_tensor *longer = rt_gt(norm, most);
    if (rt_failed() || rt_item(rt_any(longer)) == 0)
        return rt_error_code();
    rt_tensor *less = rt_add_scalar(rt_div(most, rt_add_scalar(norm, 1e-7)), -1);
    less = rt_where(longer, less, rt_full(rt_shape(), 0, norm->dtype));
    rt_tensor *factor = rt_add_scalar(rt__rows_added(less, rows, rt_shape(table->dims.d[0], 1)), 1);
    rt_mul_inplace(a->table, factor);
    return rt_error_code();
}

static rt_status apply_max_norm(const rt_embedding_args *a)
{
    if (a->max_norm == (double)RT_NOT_GIVEN || a->index->numel == 0)
        return RT_OK;
    bool recording = rt_no_grad_begin();
    rt_scope s = rt_scope_begin();
    rt_status status = shorten(a);
    rt_scope_end(s);
    rt_no_grad_end(recording);
    return status;
}

/* ---- embedding ---- */

rt_status rt__embedding_padding(const char *name, int64_t padding_idx, const rt_tensor *table,
                                int64_t *row)
{
    int64_t v = table->dims.n > 0 ? table->dims.d[0] : 0;
    *row = padding_idx == RT_NOT_GIVEN ? -1 : padding_idx < 0 ? padding_idx + v : padding_idx;
    if (padding_idx == RT_NOT_GIVEN || (*row >= 0 && *row < v))
        return RT_OK;
    return RT_FAIL(RANGE, "%s: padding_idx is %lld, expected a row of table %s", name,
                   (long long)padding_idx, rt_dims_text(table->dims));
}

/* Checks nothing but what the rows do not check. */
static rt_tensor *embedding(const rt_embedding_args *a)
{
    rows_args rows = {.table = a->table, .index = a->index, .by_count = a->scale_grad_by_freq};
    if (rt__embedding_padding("embedding", a->padding_idx, a->table, &rows.padding) != RT_OK ||
        apply_max_norm(a) != RT_OK)
        return NULL;
    return rt_apply(&rows_op, &rows);
}

RT_COMPOSITE(embedding, rt_embedding_args, RT_EMBEDDING_FIELDS, "y[i] = table[index[i]]")
{
    return embedding(a);
}

/* Without options, as in most nets, it is the one operation. */
rt_tensor *rt_embedding_(rt_embedding_args a)
{
    if (a.padding_idx == RT_NOT_GIVEN && a.max_norm == (double)RT_NOT_GIVEN &&
        !a.scale_grad_by_freq)
        return pick(a.table, a.index);
    return rt_apply(&rt__op_embedding, &a);
}
