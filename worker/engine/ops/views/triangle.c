/* The triangles of matrices: a choice by a mask. The mask's element [i, k] depends on k - i alone, so it is a view, with stride -1 from row
 * to row, of a vector that is all true up to some element and false from there on, or the reverse. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define TRIANGLE_FIELDS(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[..., n, m]")                                             \
    F(INT, offset, 0, RT_ANY, "the diagonal that ends it: 0 the main one, positive above it")
typedef struct RT_DESIGNATED triangle_args {
    RT_STRUCT(TRIANGLE_FIELDS)
} triangle_args;

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static rt_status triangle_infer(rt_call *c)
{
    if (c->in[0]->dims.n < 2)
        return RT_FAIL(SHAPE, "%s: %s, expected two axes or more", c->op->name,
                       rt_describe(c->in[0]));
    return rt_result_like(c, 0, c->in[0]);
}

/* Sets the elements [from, to) of a vector. */
static rt_status set_range(const rt_tensor *x, int64_t from, int64_t to, bool value)
{
    rt_tensor *part = rt__tensor_view(x, rt_shape(to - from), &(int64_t){1}, from);
    return part ? rt__fill(part, value) : rt_error_code();
}

/* Returns a mask [rows, columns] that holds where k - i < edge, or, for the upper triangle, where it does not. */
static rt_tensor *mask_of(int64_t rows, int64_t columns, int64_t edge, bool upper)
{
    int64_t length = rows + columns - 1, at = clamp(edge, 1 - rows, columns) + rows - 1;
    rt_tensor *band = rt__tensor_new(rt_shape(length), RT_BOOL);
    if (!band || set_range(band, 0, at, !upper) != RT_OK ||
        set_range(band, at, length, upper) != RT_OK)
        return NULL;
    return rt__tensor_view(band, rt_shape(rows, columns), (int64_t[]){-1, 1}, rows - 1);
}

static rt_status choose(rt_call *c, bool upper)
{
    const triangle_args *a = c->args;
    rt_tensor *x = c->in[0], *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    if (x->numel == 0)
        return RT_OK;
    int64_t rows = x->dims.d[x->dims.n - 2], columns = x->dims.d[x->dims.n - 1];
    int64_t edge = upper || a->offset == INT64_MAX ? a->offset : a->offset + 1;
    rt_tensor *mask = mask_of(rows, columns, edge, upper),
              *zero = rt__tensor_new(rt_shape(), x->dtype);
    if (!mask || !zero || rt__fill(zero, 0) != RT_OK)
        return rt_error_code();
    rt_tensor *const operands[] = {x, zero, mask};
    rt_grid g;
    if (rt__grid(&g, y, operands, 3))
        e->kernels->select[y->dtype](e, &g, x->data, zero->data, mask->data, y->data);
    return RT_OK;
}

static rt_status tril_run(rt_call *c)
{
    return choose(c, false);
}

static rt_status triu_run(rt_call *c)
{
    return choose(c, true);
}

static void tril_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_tril(dy[0], ((const triangle_args *)c->args)->offset);
}

static void triu_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_triu(dy[0], ((const triangle_args *)c->args)->offset);
}

const rt_op rt__op_tril = {
    .name = "tril",
    .help = "y[..., i, k] = x[..., i, k] if k <= i + offset, else 0",
    RT_ARGS(triangle_args, TRIANGLE_FIELDS),
    .infer = triangle_infer,
    .run = tril_run,
    .backward = tril_backward,
    .strided = true,
};
const rt_op rt__op_triu = {
    .name = "triu",
    .help = "y[..., i, k] = x[..., i, k] if k >= i + offset, else 0",
    RT_ARGS(triangle_args, TRIANGLE_FIELDS),
    .infer = triangle_infer,
    .run = triu_run,
    .backward = triu_backward,
    .strided = true,
};

rt_tensor *rt_tril(rt_tensor *x, int64_t offset)
{
    return rt_apply(&rt__op_tril, &(triangle_args){.x = x, .offset = offset});
}

rt_tensor *rt_triu(rt_tensor *x, int64_t offset)
{
    return rt_apply(&rt__op_triu, &(triangle_args){.x = x, .offset = offset});
}
