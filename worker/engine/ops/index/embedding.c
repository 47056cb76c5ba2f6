/* Rows of a table selected by an int64 index: y[i] = table[index[i]]. The gradient adds the rows of dy to a table of zeros in the order
 * of the index, so that repeated indices always give the same bits; the gradient of that is embedding again. */
#include "worker/engine/ops/index/index.h"

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
    F(INPUT, dy, RT_NEEDED, RT_FLOATS, "[..., d]")                                                 \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "[...]")
typedef struct RT_DESIGNATED embedding_grad_args {
    RT_STRUCT(EMBEDDING_GRAD_FIELDS)
    rt_dims table; /* [v, d] */
} embedding_grad_args;

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
    return rt__index_error(c);
}

static void embedding_grad_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    dx[0] = rt_embedding(g[0], c->in[1]);
}

static const rt_op embedding_grad_op = {
    .name = "embedding_grad",
    RT_INTERNAL_ARGS(embedding_grad_args, EMBEDDING_GRAD_FIELDS),
    .infer = embedding_grad_infer,
    .run = embedding_grad_run,
    .backward = embedding_grad_backward,
    .saves_in = 1 << 1,
};

/* ---- embedding ---- */

#define EMBEDDING_FIELDS(F)                                                                        \
    F(INPUT, table, RT_NEEDED, RT_ANY_TYPE, "[v, d]")                                              \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "at most 7 axes; each in [0, v)")
typedef struct RT_DESIGNATED embedding_args {
    RT_STRUCT(EMBEDDING_FIELDS)
} embedding_args;

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

static void embedding_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_aim(c, 0);
    dx[0] =
        rt_apply(&embedding_grad_op,
                 &(embedding_grad_args){.dy = dy[0], .index = c->in[1], .table = c->in[0]->dims});
}

const rt_op rt__op_embedding = {
    .name = "embedding",
    .help = "y[i] = table[index[i]]",
    RT_ARGS(embedding_args, EMBEDDING_FIELDS),
    .infer = embedding_infer,
    .run = embedding_run,
    .backward = embedding_backward,
    .saves_in = 1 << 1,
};

rt_tensor *rt_embedding(rt_tensor *table, rt_tensor *index)
{
    return rt_apply(&rt__op_embedding, &(embedding_args){.table = table, .index = index});
}
