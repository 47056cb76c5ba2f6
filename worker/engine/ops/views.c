/* Views and shape operations. Each returns a window into its input's storage; backward is the
 * opposite window. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

/* ---- reshape ---- */

typedef struct dims_args {
    rt_tensor *x;
    rt_dims dims;
} dims_args;

/* Finds strides that show x as `dims` without a copy. Joins x's axes into runs that are contiguous
 * in themselves, and cuts each run into new axes. */
static bool reshape_strides(const rt_tensor *x, rt_dims dims, int64_t *stride)
{
    if (x->contiguous) {
        rt__dims_strides(dims, stride);
        return true;
    }
    int to = dims.n - 1;
    for (int i = x->dims.n - 1; i >= 0;) {
        int64_t step = x->stride[i], run = x->dims.d[i], made = 1;
        for (i--; i >= 0 && (x->dims.d[i] == 1 || x->stride[i] == step * run); i--)
            run *= x->dims.d[i];
        for (; to >= 0 && (made < run || dims.d[to] == 1); to--) {
            stride[to] = step * made;
            made *= dims.d[to];
        }
        if (made != run)
            return false;
    }
    return to < 0;
}

static rt_tensor *reshape_forward(rt_call *c)
{
    const dims_args *a = c->args;
    int64_t stride[RT_MAX_DIMS];
    if (!reshape_strides(a->x, a->dims, stride))
        return RT_FAIL_NULL(SHAPE, "view: %s cannot be seen as %s without a copy: use reshape",
                            rt_describe(a->x), rt_dims_text(a->dims));
    return rt__tensor_view(a->x, a->dims, stride, 0);
}

static void reshape_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    dx[0] = rt_reshape(dy, c->in[0]->dims);
}

static const rt_op reshape_op = {"reshape", 1, reshape_forward, reshape_backward};

/* Replaces one -1 by what is left; checks that the number of elements stays. */
static rt_status resolve(const char *what, const rt_tensor *x, rt_dims *dims)
{
    rt_dims wanted = *dims;
    int unknown = -1;
    for (int i = 0; i < dims->n && i < RT_MAX_DIMS; i++) {
        if (dims->d[i] != -1)
            continue;
        if (unknown >= 0)
            return RT_FAIL(SHAPE, "%s: %s has more than one -1", what, rt_dims_text(wanted));
        unknown = i;
        dims->d[i] = 1;
    }
    int64_t known = rt__dims_numel(*dims, what);
    if (known < 0)
        return rt_error_code();
    if (unknown >= 0 && known > 0) {
        dims->d[unknown] = x->numel / known;
        known *= dims->d[unknown];
    }
    if (known != x->numel || (unknown >= 0 && known == 0 && x->numel == 0 && dims->d[unknown] == 1))
        return RT_FAIL(SHAPE, "%s: %s does not fit into shape %s", what, rt_describe(x),
                       rt_dims_text(wanted));
    return RT_OK;
}

static rt_tensor *reshaped(rt_tensor *x, rt_dims dims)
{
    return rt_apply(&reshape_op, &(dims_args){x, dims}, sizeof(dims_args));
}

rt_tensor *rt_view(rt_tensor *x, rt_dims shape)
{
    if (!rt__takes("view", x) || resolve("view", x, &shape) != RT_OK)
        return NULL;
    return reshaped(x, shape);
}

rt_tensor *rt_reshape(rt_tensor *x, rt_dims shape)
{
    if (!rt__takes("reshape", x) || resolve("reshape", x, &shape) != RT_OK)
        return NULL;
    int64_t stride[RT_MAX_DIMS];
    if (!reshape_strides(x, shape, stride))
        x = rt_contiguous(x);
    return reshaped(x, shape);
}

rt_tensor *rt_flatten(rt_tensor *x, int first_axis, int last_axis)
{
    if (!rt__takes("flatten", x))
        return NULL;
    if (x->dims.n == 0)
        return rt_reshape(x, rt_shape(1));
    int first = rt__axis("flatten", first_axis, x->dims.n);
    int last = first < 0 ? -1 : rt__axis("flatten", last_axis, x->dims.n);
    if (last < 0)
        return NULL;
    if (first > last)
        return RT_FAIL_NULL(RANGE, "flatten: first axis %d comes after last axis %d", first_axis,
                            last_axis);
    rt_dims dims = {.n = x->dims.n - (last - first)};
    for (int i = 0; i < dims.n; i++)
        dims.d[i] = x->dims.d[i <= first ? i : i + last - first];
    for (int i = first + 1; i <= last; i++)
        if (__builtin_mul_overflow(dims.d[first], x->dims.d[i], &dims.d[first]))
            return RT_FAIL_NULL(SHAPE, "flatten: the axes of %s make more than 2^63",
                                rt_describe(x));
    return rt_reshape(x, dims);
}

rt_tensor *rt_squeeze(rt_tensor *x, int axis)
{
    int i = rt__takes("squeeze", x) ? rt__axis_or_scalar("squeeze", axis, x->dims.n) : -1;
    if (i < 0)
        return NULL;
    if (x->dims.n == 0 || x->dims.d[i] != 1)
        return x;
    rt_dims dims = {.n = x->dims.n - 1};
    for (int k = 0; k < dims.n; k++)
        dims.d[k] = x->dims.d[k < i ? k : k + 1];
    return rt_reshape(x, dims);
}

rt_tensor *rt_unsqueeze(rt_tensor *x, int axis)
{
    if (!rt__takes("unsqueeze", x))
        return NULL;
    if (x->dims.n == RT_MAX_DIMS)
        return RT_FAIL_NULL(SHAPE, "unsqueeze: %s has all %d axes there can be", rt_describe(x),
                            RT_MAX_DIMS);
    int i = rt__axis("unsqueeze", axis, x->dims.n + 1);
    if (i < 0)
        return NULL;
    rt_dims dims = {.n = x->dims.n + 1};
    for (int k = 0; k < dims.n; k++)
        dims.d[k] = k == i ? 1 : x->dims.d[k < i ? k : k - 1];
    return rt_reshape(x, dims);
}

/* ---- expand ---- */

static rt_tensor *expand_forward(rt_call *c)
{
    const dims_args *a = c->args;
    int64_t stride[RT_MAX_DIMS];
    rt__broadcast_strides(a->x, a->dims, stride);
    return rt__tensor_view(a->x, a->dims, stride, 0);
}

static void expand_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    dx[0] = rt__sum_to(dy, c->in[0]->dims);
}

static const rt_op expand_op = {"expand", 1, expand_forward, expand_backward};

rt_tensor *rt_expand(rt_tensor *x, rt_dims shape)
{
    if (!rt__takes("expand", x))
        return NULL;
    rt_dims wanted = shape, common;
    int lead = shape.n - x->dims.n;
    for (int i = 0; i < shape.n; i++)
        if (shape.d[i] == -1 && i >= lead)
            shape.d[i] = x->dims.d[i - lead];
    if (lead < 0 || rt__dims_numel(shape, "expand") < 0 ||
        rt__broadcast("expand", x->dims, shape, &common) != RT_OK || !rt__dims_equal(common, shape))
        return RT_FAIL_NULL(SHAPE, "expand: %s does not broadcast to %s", rt_describe(x),
                            rt_dims_text(wanted));
    return rt_apply(&expand_op, &(dims_args){x, shape}, sizeof(dims_args));
}

/* ---- permute ---- */

static rt_tensor *permute_forward(rt_call *c)
{
    const dims_args *a = c->args;
    rt_dims dims = {.n = a->dims.n};
    int64_t stride[RT_MAX_DIMS];
    for (int i = 0; i < dims.n; i++) {
        dims.d[i] = a->x->dims.d[a->dims.d[i]];
        stride[i] = a->x->stride[a->dims.d[i]];
    }
    return rt__tensor_view(a->x, dims, stride, 0);
}

static void permute_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    const dims_args *a = c->args;
    rt_dims back = {.n = a->dims.n};
    for (int i = 0; i < back.n; i++)
        back.d[a->dims.d[i]] = i;
    dx[0] = rt_permute(dy, back);
}

static const rt_op permute_op = {"permute", 1, permute_forward, permute_backward};

rt_tensor *rt_permute(rt_tensor *x, rt_dims axes)
{
    if (!rt__takes("permute", x))
        return NULL;
    unsigned seen = 0;
    bool fine = axes.n == x->dims.n;
    for (int i = 0; i < axes.n && fine; i++) {
        int64_t axis = axes.d[i] < 0 ? axes.d[i] + axes.n : axes.d[i];
        fine = axis >= 0 && axis < axes.n && !(seen & (1u << axis));
        seen |= fine ? 1u << axis : 0;
        axes.d[i] = axis;
    }
    if (!fine)
        return RT_FAIL_NULL(SHAPE,
                            "permute: the axes given do not name each of the %d axes of %s once",
                            x->dims.n, rt_describe(x));
    return rt_apply(&permute_op, &(dims_args){x, axes}, sizeof(dims_args));
}

rt_tensor *rt_transpose(rt_tensor *x, int a, int b)
{
    if (!rt__takes("transpose", x))
        return NULL;
    int i = rt__axis_or_scalar("transpose", a, x->dims.n);
    int j = i < 0 ? -1 : rt__axis_or_scalar("transpose", b, x->dims.n);
    if (j < 0)
        return NULL;
    rt_dims axes = {.n = x->dims.n};
    for (int k = 0; k < axes.n; k++)
        axes.d[k] = k == i ? j : k == j ? i : k;
    return rt_permute(x, axes);
}

rt_tensor *rt_t(rt_tensor *x)
{
    if (!rt__takes("t", x))
        return NULL;
    if (x->dims.n != 2)
        return RT_FAIL_NULL(SHAPE, "t: %s, expected two axes", rt_describe(x));
    return rt_transpose(x, 0, 1);
}
