/* Other shapes for the same elements in the same order. One operation, view, is recorded; the others are made of it. Its gradient is
 * the same elements in the shape of the input. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

/* ---- view ---- */

#define SHAPED_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of as many elements; one size may be -1, what is left")
typedef struct shaped_args {
    RT_STRUCT(SHAPED_FIELDS)
} shaped_args;

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

static rt_status view_infer(rt_call *c)
{
    const shaped_args *a = c->args;
    rt_dims dims = a->shape;
    int64_t stride[RT_MAX_DIMS];
    RT_TRY(resolve(c->op->name, c->in[0], &dims));
    if (!reshape_strides(c->in[0], dims, stride))
        return RT_FAIL(SHAPE, "view: %s cannot be seen as %s without a copy: use reshape",
                       rt_describe(c->in[0]), rt_dims_text(dims));
    return rt_window(c, dims, stride, 0);
}

static void view_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_reshape(dy[0], c->in[0]->dims);
}

const rt_op rt__op_view = {
    .name = "view",
    .help = "y = x in another shape; fails where that needs a copy",
    RT_ARGS(shaped_args, SHAPED_FIELDS),
    .infer = view_infer,
    .backward = view_backward,
};

rt_tensor *rt_view(rt_tensor *x, rt_dims shape)
{
    return rt_apply(&rt__op_view, &(shaped_args){x, shape});
}

/* ---- reshape ---- */

/* The view that a reshape is, under its name. */
static const rt_op reshape_view_op = {
    .name = "reshape",
    RT_ARGS(shaped_args, SHAPED_FIELDS),
    .infer = view_infer,
    .backward = view_backward,
};

/* Returns x, or a copy of it if that shape cannot be seen in it. */
static rt_tensor *that_can_be_seen(rt_tensor *x, rt_dims shape)
{
    int64_t stride[RT_MAX_DIMS];
    if (resolve("reshape", x, &shape) != RT_OK)
        return NULL;
    return reshape_strides(x, shape, stride) ? x : rt_contiguous(x);
}

rt_tensor *rt_reshape(rt_tensor *x, rt_dims shape)
{
    if (!rt__takes("reshape", x))
        return NULL;
    if (!x->contiguous)
        x = that_can_be_seen(x, shape);
    return rt_apply(&reshape_view_op, &(shaped_args){x, shape});
}

static void reshape_compose(rt_call *c)
{
    const shaped_args *a = c->args;
    c->out[0] = rt_reshape(a->x, a->shape);
}

const rt_op rt__op_reshape = {
    .name = "reshape",
    .help = "y = x in another shape; a copy only where it must be",
    RT_ARGS(shaped_args, SHAPED_FIELDS),
    .compose = reshape_compose,
};

/* ---- flatten ---- */

#define FLATTEN_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INT, first_axis, 0, RT_ANY_AXIS, "the first of the axes that become one")                    \
    F(INT, last_axis, -1, RT_ANY_AXIS, "the last of them, included")
typedef struct flatten_args {
    RT_STRUCT(FLATTEN_FIELDS)
} flatten_args;

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

static void flatten_compose(rt_call *c)
{
    const flatten_args *a = c->args;
    c->out[0] = rt_flatten(a->x, (int)a->first_axis, (int)a->last_axis);
}

const rt_op rt__op_flatten = {
    .name = "flatten",
    .help = "y = x with the axes first_axis to last_axis as one",
    RT_ARGS(flatten_args, FLATTEN_FIELDS),
    .compose = flatten_compose,
};

/* ---- squeeze and unsqueeze ---- */

#define SQUEEZE_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis that goes, if it has size 1")
typedef struct squeeze_args {
    RT_STRUCT(SQUEEZE_FIELDS)
} squeeze_args;

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

static void squeeze_compose(rt_call *c)
{
    const squeeze_args *a = c->args;
    c->out[0] = rt_squeeze(a->x, (int)a->axis);
}

const rt_op rt__op_squeeze = {
    .name = "squeeze",
    .help = "y = x without an axis of size 1; x itself if its size is another",
    RT_ARGS(squeeze_args, SQUEEZE_FIELDS),
    .compose = squeeze_compose,
};

#define UNSQUEEZE_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "at most 7 axes")                                          \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis of y that is new")
typedef struct unsqueeze_args {
    RT_STRUCT(UNSQUEEZE_FIELDS)
} unsqueeze_args;

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

static void unsqueeze_compose(rt_call *c)
{
    const unsqueeze_args *a = c->args;
    c->out[0] = rt_unsqueeze(a->x, (int)a->axis);
}

const rt_op rt__op_unsqueeze = {
    .name = "unsqueeze",
    .help = "y = x with one more axis, of size 1",
    RT_ARGS(unsqueeze_args, UNSQUEEZE_FIELDS),
    .compose = unsqueeze_compose,
};
