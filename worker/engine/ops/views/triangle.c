/* The triangles of matrices: a choice by a mask of one matrix, which is broadcast. */
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

/* Chooses x where `keeps` (column, row + offset) holds. */
static rt_tensor *triangle(const char *what, const triangle_args *a,
                           rt_tensor *(*keeps)(rt_tensor *, rt_tensor *))
{
    rt_dims dims = a->x->dims;
    if (dims.n < 2)
        return RT_FAIL_NULL(SHAPE, "%s: %s, expected two axes or more", what, rt_describe(a->x));
    int64_t rows = dims.d[dims.n - 2], columns = dims.d[dims.n - 1];
    int64_t offset = clamp(a->offset, -rows - 1, columns + 1); /* farther ones choose the same */
    rt_tensor *row = rt_arange((double)offset, (double)(rows + offset), 1, RT_I64);
    rt_tensor *column = rt_arange(0, (double)columns, 1, RT_I64);
    rt_tensor *mask = keeps(column, rt_unsqueeze(row, -1));
    return rt_where(mask, a->x, rt_full(rt_shape(), 0, a->x->dtype));
}

RT_COMPOSITE(tril, triangle_args, TRIANGLE_FIELDS,
             "y[..., i, k] = x[..., i, k] if k <= i + offset, else 0")
{
    return triangle("tril", a, rt_le);
}

rt_tensor *rt_tril(rt_tensor *x, int64_t offset)
{
    return rt_apply(&rt__op_tril, &(triangle_args){.x = x, .offset = offset});
}

RT_COMPOSITE(triu, triangle_args, TRIANGLE_FIELDS,
             "y[..., i, k] = x[..., i, k] if k >= i + offset, else 0")
{
    return triangle("triu", a, rt_ge);
}

rt_tensor *rt_triu(rt_tensor *x, int64_t offset)
{
    return rt_apply(&rt__op_triu, &(triangle_args){.x = x, .offset = offset});
}
