/* The triangles of matrices: a choice by a mask. The mask's element [i, k] depends on k - i alone, so it is a view, with stride -1 from row
 * to row, of a vector that is all true up to some element and false from there on, or the reverse. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define TRIANGLE_FIELDS(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[..., n, m]")                                             \
    F(INT, offset, 0, RT_ANY_DIAGONAL,                                                             \
      "the diagonal that ends it: 0 the main one, positive above it")
typedef struct RT_DESIGNATED triangle_args {
    RT_STRUCT(TRIANGLE_FIELDS)
} triangle_args;

#define PART_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[..., n, m]")
typedef struct RT_DESIGNATED part_args {
    RT_STRUCT(PART_FIELDS)
    int64_t offset;
    bool upper;
} part_args;

static rt_tensor *triangle(rt_tensor *x, const part_args *a);

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
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

static rt_status triangle_run(rt_call *c)
{
    const part_args *a = c->args;
    rt_tensor *x = c->in[0], *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    if (x->numel == 0)
        return RT_OK;
    int64_t rows = x->dims.d[x->dims.n - 2], columns = x->dims.d[x->dims.n - 1];
    int64_t edge = a->upper || a->offset == INT64_MAX ? a->offset : a->offset + 1;
    rt_tensor *mask = mask_of(rows, columns, edge, a->upper),
              *zero = rt__tensor_new(rt_shape(), x->dtype);
    if (!mask || !zero || rt__fill(zero, 0) != RT_OK)
        return rt_error_code();
    rt_tensor *const operands[] = {x, zero, mask};
    rt_grid g;
    if (rt__grid(&g, y, operands, 3))
        e->kernels->select[y->dtype](e, &g, x->data, zero->data, mask->data, y->data);
    return RT_OK;
}

static void triangle_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = triangle(dy[0], c->args);
}

static const rt_op triangle_op = {
    .name = "triangle",
    RT_INTERNAL_ARGS(part_args, PART_FIELDS),
    .infer = rt__infer_like_first,
    .run = triangle_run,
    .backward = triangle_backward,
    .strided = true,
};

static rt_tensor *triangle(rt_tensor *x, const part_args *a)
{
    return rt_apply(&triangle_op, &(part_args){.x = x, .offset = a->offset, .upper = a->upper});
}

/* ---- the operations ---- */

static rt_tensor *triangle_of(const char *what, const triangle_args *a, bool upper)
{
    if (a->x->dims.n < 2)
        return RT_FAIL_NULL(SHAPE, "%s: %s, expected two axes or more", what, rt_describe(a->x));
    return triangle(a->x, &(part_args){.offset = a->offset, .upper = upper});
}

RT_COMPOSITE(tril, triangle_args, TRIANGLE_FIELDS,
             "y[..., i, k] = x[..., i, k] if k <= i + offset, else 0")
{
    return triangle_of("tril", a, false);
}

RT_COMPOSITE(triu, triangle_args, TRIANGLE_FIELDS,
             "y[..., i, k] = x[..., i, k] if k >= i + offset, else 0")
{
    return triangle_of("triu", a, true);
}

rt_tensor *rt_tril(rt_tensor *x, int64_t offset)
{
    return rt_apply(&rt__op_tril, &(triangle_args){.x = x, .offset = offset});
}

rt_tensor *rt_triu(rt_tensor *x, int64_t offset)
{
    return rt_apply(&rt__op_triu, &(triangle_args){.x = x, .offset = offset});
}
