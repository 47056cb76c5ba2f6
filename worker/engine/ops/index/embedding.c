/* Rows of a table by an int64 index: y[i] = table[index[i]]. The gradient adds the rows of dy to those of a zero table, in the order of
 * the index, so equal indices give the same bits every time; the gradient of that is embedding again. */
#include <string.h>
#include "worker/engine/ops/index/index.h"

/* ---- the gradient ---- */

#define EMBEDDING_GRAD_FIELDS(F)                                                                   \
    F(INPUT, dy, RT_NEEDED, RT_FLOATS, "[..., d]")                                                 \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "[...]")
typedef struct embedding_grad_args {
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
    if (c->out[0]->dtype != RT_F32)
        return rt__no_kernel(c, "embedding_dx");
    const rt_tensor *index = c->in[1];
    RT_TRY(rt__fill(c->out[0], 0));
    const float *dy = c->in[0]->data;
    const int64_t *at = index->data;
    float *dx = c->out[0]->data;
    int64_t d = c->out[0]->dims.d[1];
    for (int64_t i = 0; i < index->numel; i++)
        for (int64_t k = 0; k < d; k++)
            dx[at[i] * d + k] += dy[i * d + k];
    return RT_OK;
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
    F(INPUT, table, RT_NEEDED, RT_FLOATS, "[v, d]")                                                \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "at most 7 axes; each in [0, v)")
typedef struct embedding_args {
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
    if (c->out[0]->dtype != RT_F32)
        return rt__no_kernel(c, "embedding");
    const rt_tensor *table = c->in[0], *index = c->in[1];
    const float *rows = table->data;
    const int64_t *at = index->data;
    float *y = c->out[0]->data;
    int64_t d = table->dims.d[1];
    for (int64_t i = 0; i < index->numel; i++) {
        RT_TRY(rt__check_index(c, at[i], i, table->dims.d[0]));
        memcpy(y + i * d, rows + at[i] * d, (size_t)d * sizeof *y);
    }
    return RT_OK;
}

static void embedding_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_aim(c, 0);
    dx[0] = rt_apply(&embedding_grad_op, &(embedding_grad_args){dy[0], c->in[1], c->in[0]->dims});
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
    return rt_apply(&rt__op_embedding, &(embedding_args){table, index});
}
