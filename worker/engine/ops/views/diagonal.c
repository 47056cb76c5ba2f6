/* The diagonal of two axes as a view, its reverse, and what is made of them. */
#include "common/base/error.h"
#include "worker/engine/ops/views/window.h"
#include <string.h>

#define DIAGONAL_AXES(F, one, other)                                                               \
    F(INT, offset, 0, RT_ANY_DIAGONAL, "which diagonal: 0 the main one, positive above it")        \
    F(INT, axis1, one, RT_ANY, "the axis of its rows")                                             \
    F(INT, axis2, other, RT_ANY, "the axis of its columns")
#define DIAGONAL_FIELDS(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "two axes or more")                                        \
    DIAGONAL_AXES(F, 0, 1)
typedef struct RT_DESIGNATED diagonal_args {
    RT_STRUCT(DIAGONAL_FIELDS)
} diagonal_args;
#define DIAG_EMBED_FIELDS(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[..., n], at most 7 axes")                                \
    DIAGONAL_AXES(F, -2, -1)
typedef struct RT_DESIGNATED diag_embed_args {
    RT_STRUCT(DIAG_EMBED_FIELDS)
} diag_embed_args;

rt_status rt__diagonal_place(const char *what, rt_dims dims, const int64_t *stride, int64_t offset,
                             int64_t axis1, int64_t axis2, rt_place *out)
{
    int i = rt__axis(what, axis1, dims.n);
    int k = i < 0 ? -1 : rt__axis(what, axis2, dims.n);
    if (k < 0)
        return rt_error_code();
    if (i == k)
        return RT_FAIL(RANGE, "%s: axis %lld and axis %lld are one, expected two", what,
                       (long long)axis1, (long long)axis2);
    int64_t rows = dims.d[i] + (offset < 0 ? offset : 0);
    int64_t columns = dims.d[k] - (offset > 0 ? offset : 0);
    int64_t size = rows < columns ? rows : columns;
    bool any = size > 0; /* strides of no elements may be so long that sums of them overflow */
    *out = (rt_place){0};
    for (int d = 0; d < dims.n; d++) {
        if (d == i || d == k)
            continue;
        any &= dims.d[d] > 0;
        out->stride[out->dims.n] = stride[d];
        out->dims.d[out->dims.n++] = dims.d[d];
    }
    out->stride[out->dims.n] = any ? stride[i] + stride[k] : 0;
    out->dims.d[out->dims.n++] = size > 0 ? size : 0;
    if (any)
        out->offset = offset > 0 ? offset * stride[k] : -offset * stride[i];
    return RT_OK;
}

/* ---- diagonal ---- */

static rt_status diagonal_infer(rt_call *c)
{
    const diagonal_args *a = c->args;
    const rt_tensor *x = c->in[0];
    rt_place at;
    RT_TRY(rt__diagonal_place("diagonal", x->dims, x->stride, a->offset, a->axis1, a->axis2, &at));
    return rt_window(c, at.dims, at.stride, at.offset);
}

static void diagonal_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const diagonal_args *a = c->args;
    rt_dims dims = c->in[0]->dims;
    int64_t stride[RT_MAX_DIMS];
    rt_place at;
    rt__dims_strides(dims, stride);
    if (rt__diagonal_place("diagonal", dims, stride, a->offset, a->axis1, a->axis2, &at) == RT_OK)
        dx[0] = rt__unwindow(dy[0], dims, &at);
}

const rt_op rt__op_diagonal = {
    .name = "diagonal",
    .help = "y[..., i] = x[..., i, i + offset, ...] of two axes; its axis is the last",
    RT_ARGS(diagonal_args, DIAGONAL_FIELDS),
    .infer = diagonal_infer,
    .backward = diagonal_backward,
};

rt_tensor *rt_diagonal_(rt_diagonal_args a)
{
    return rt_apply(
        &rt__op_diagonal,
        &(diagonal_args){.x = a.x, .offset = a.offset, .axis1 = a.axis1, .axis2 = a.axis2});
}

/* ---- its reverse ---- */

RT_COMPOSITE(diag_embed, diag_embed_args, DIAG_EMBED_FIELDS,
             "y = zeros of which x is the diagonal: y[..., i, i + offset] = x[..., i]")
{
    rt_dims in = a->x->dims, dims = {.n = in.n + 1};
    int64_t stride[RT_MAX_DIMS], size, beside = a->offset < 0 ? -a->offset : a->offset;
    if (in.n == 0 || in.n == RT_MAX_DIMS)
        return RT_FAIL_NULL(SHAPE, "diag_embed: %s, expected 1 to %d axes", rt_describe(a->x),
                            RT_MAX_DIMS - 1);
    int i = rt__axis("diag_embed", a->axis1, dims.n);
    int k = i < 0 ? -1 : rt__axis("diag_embed", a->axis2, dims.n);
    if (k < 0)
        return NULL;
    if (a->offset == INT64_MIN || __builtin_add_overflow(in.d[in.n - 1], beside, &size))
        return RT_FAIL_NULL(SHAPE, "diag_embed: offset %lld makes axes longer than 2^63",
                            (long long)a->offset);
    for (int d = 0, from = 0; d < dims.n; d++)
        dims.d[d] = d == i || d == k ? size : in.d[from++];
    rt_place at;
    if (rt__dims_numel(dims, "diag_embed") < 0)
        return NULL;
    rt__dims_strides(dims, stride);
    if (rt__diagonal_place("diag_embed", dims, stride, a->offset, i, k, &at) != RT_OK)
        return NULL;
    return rt__unwindow(a->x, dims, &at);
}

rt_tensor *rt_diag_embed_(rt_diag_embed_args a)
{
    return rt_apply(
        &rt__op_diag_embed,
        &(diag_embed_args){.x = a.x, .offset = a.offset, .axis1 = a.axis1, .axis2 = a.axis2});
}

/* ---- matrices ---- */

#define DIAG_FIELDS(F)                                                                             \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[n] or [n, m]")                                           \
    F(INT, offset, 0, RT_ANY_DIAGONAL, "which diagonal: 0 the main one, positive above it")
typedef struct RT_DESIGNATED diag_args {
    RT_STRUCT(DIAG_FIELDS)
} diag_args;

RT_COMPOSITE(diag, diag_args, DIAG_FIELDS,
             "y = the matrix with the diagonal x, or a copy of the diagonal of the matrix x")
{
    if (a->x->dims.n == 1)
        return rt_diag_embed(a->x, .offset = a->offset);
    if (a->x->dims.n != 2)
        return RT_FAIL_NULL(SHAPE, "diag: %s, expected [n] or [n,m]", rt_describe(a->x));
    return rt_clone(rt_diagonal(a->x, .offset = a->offset));
}

rt_tensor *rt_diag(rt_tensor *x, int64_t offset)
{
    return rt_apply(&rt__op_diag, &(diag_args){.x = x, .offset = offset});
}

#define DIAGFLAT_FIELDS(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INT, offset, 0, RT_ANY_DIAGONAL, "which diagonal: 0 the main one, positive above it")
typedef struct RT_DESIGNATED diagflat_args {
    RT_STRUCT(DIAGFLAT_FIELDS)
} diagflat_args;

RT_COMPOSITE(diagflat, diagflat_args, DIAGFLAT_FIELDS,
             "y = the matrix with the elements of x on its diagonal")
{
    return rt_diag_embed(rt_ravel(a->x), .offset = a->offset);
}

rt_tensor *rt_diagflat(rt_tensor *x, int64_t offset)
{
    return rt_apply(&rt__op_diagflat, &(diagflat_args){.x = x, .offset = offset});
}

#define TRACE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[n, m]")
typedef struct RT_DESIGNATED trace_args {
    RT_STRUCT(TRACE_FIELDS)
} trace_args;

RT_COMPOSITE(trace, trace_args, TRACE_FIELDS, "y = sum(x[i, i])")
{
    if (a->x->dims.n != 2)
        return RT_FAIL_NULL(SHAPE, "trace: %s, expected [n,m]", rt_describe(a->x));
    return rt_sum(rt_diagonal(a->x));
}

rt_tensor *rt_trace(rt_tensor *x)
{
    return rt_apply(&rt__op_trace, &(trace_args){.x = x});
}
