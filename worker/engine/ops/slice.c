/* Parts of a tensor along one axis, and tensors put together from parts. */
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/ops/ops.h"

/* ---- slices ---- */

/* Elements start, start + step, ... (size of them) of an axis; already checked. */
typedef struct part_args {
    rt_tensor *x;
    int axis;
    int64_t start, step, size;
} part_args;

/* Returns the part as a view, unrecorded. */
static rt_tensor *part_view(const rt_tensor *x, int axis, int64_t start, int64_t step, int64_t size)
{
    rt_dims dims = x->dims;
    int64_t stride[RT_MAX_DIMS];
    for (int i = 0; i < dims.n; i++)
        stride[i] = x->stride[i];
    dims.d[axis] = size;
    stride[axis] *= step;
    return rt__tensor_view(x, dims, stride, size > 0 ? start * x->stride[axis] : 0);
}

static rt_tensor *part_forward(rt_call *c)
{
    const part_args *a = c->args;
    return part_view(a->x, a->axis, a->start, a->step, a->size);
}

static void part_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    const part_args *a = c->args;
    dx[0] = rt__unslice(dy, c->in[0]->dims, a->axis, a->start, a->step);
}

static const rt_op part_op = {"slice", 1, part_forward, part_backward};

static rt_tensor *part(rt_tensor *x, int axis, int64_t start, int64_t step, int64_t size)
{
    return rt_apply(&part_op, &(part_args){x, axis, start, step, size}, sizeof(part_args));
}

typedef struct unslice_args {
    rt_tensor *dy;
    rt_dims dims;
    int axis;
    int64_t start, step;
} unslice_args;

static rt_tensor *unslice_forward(rt_call *c)
{
    const unslice_args *a = c->args;
    rt_tensor *y = rt_out(c, a->dims, a->dy->dtype);
    if (!y || rt__fill(y, 0) != RT_OK)
        return NULL;
    rt_tensor *to = part_view(y, a->axis, a->start, a->step, a->dy->dims.d[a->axis]);
    if (to)
        rt__copy(to, a->dy);
    return to ? y : NULL;
}

static void unslice_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    const unslice_args *a = c->args;
    dx[0] = part(g, a->axis, a->start, a->step, c->in[0]->dims.d[a->axis]);
}

static const rt_op unslice_op = {"unslice", 1, unslice_forward, unslice_backward};

rt_tensor *rt__unslice(rt_tensor *dy, rt_dims dims, int axis, int64_t start, int64_t step)
{
    return rt_apply(&unslice_op, &(unslice_args){dy, dims, axis, start, step},
                    sizeof(unslice_args));
}

rt_tensor *rt_narrow(rt_tensor *x, int axis, int64_t start, int64_t length)
{
    int i = rt__takes("narrow", x) ? rt__axis("narrow", axis, x->dims.n) : -1;
    if (i < 0)
        return NULL;
    int64_t size = x->dims.d[i], from = start < 0 ? start + size : start;
    if (from < 0 || length < 0 || length > size || from > size - length)
        return RT_FAIL_NULL(RANGE, "narrow: %lld elements from %lld do not lie in axis %d of %s",
                            (long long)length, (long long)start, axis, rt_describe(x));
    return part(x, i, from, 1, length);
}

rt_tensor *rt_select(rt_tensor *x, int axis, int64_t index)
{
    int i = rt__takes("select", x) ? rt__axis("select", axis, x->dims.n) : -1;
    if (i < 0)
        return NULL;
    int64_t size = x->dims.d[i];
    if (index < -size || index >= size)
        return RT_FAIL_NULL(RANGE, "select: index %lld is not in axis %d of %s", (long long)index,
                            axis, rt_describe(x));
    return rt_squeeze(part(x, i, index < 0 ? index + size : index, 1, 1), i);
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

rt_tensor *rt_slice_(rt_slice_args a)
{
    int i = rt__takes("slice", a.x) ? rt__axis("slice", a.axis, a.x->dims.n) : -1;
    if (i < 0)
        return NULL;
    int64_t n = a.x->dims.d[i];
    if (a.step < 1)
        return RT_FAIL_NULL(RANGE, "slice: step %lld, expected 1 or more", (long long)a.step);
    int64_t start = clamp(a.start < 0 ? a.start + n : a.start, 0, n);
    int64_t end = clamp(a.end < 0 ? a.end + n : a.end, 0, n);
    int64_t size = end > start ? (end - start - 1) / a.step + 1 : 0;
    return part(a.x, i, start, a.step, size);
}

/* ---- cat ---- */

typedef struct cat_args {
    int axis;
    rt_dims dims;
} cat_args;

static rt_tensor *cat_forward(rt_call *c)
{
    const cat_args *a = c->args;
    rt_tensor *y = rt_out(c, a->dims, c->in[0]->dtype);
    int64_t at = 0;
    for (int i = 0; i < c->n_in && y; i++) {
        int64_t size = c->in[i]->dims.d[a->axis];
        rt_tensor *to = part_view(y, a->axis, at, 1, size);
        if (!to)
            return NULL;
        rt__copy(to, c->in[i]);
        at += size;
    }
    return y;
}

static void cat_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    const cat_args *a = c->args;
    int64_t at = 0;
    for (int i = 0; i < c->n_in; i++) {
        int64_t size = c->in[i]->dims.d[a->axis];
        if (rt_needs(c, i))
            dx[i] = part(dy, a->axis, at, 1, size);
        at += size;
    }
}

static const rt_op cat_op = {"cat", 0, cat_forward, cat_backward};

/* A list of one tensor or more. */
static bool takes_all(const char *what, rt_tensor *const *xs, int count)
{
    if (rt_failed())
        return false;
    if (!xs || count < 1)
        return RT_FAIL(ARG, "%s: no tensors", what), false;
    for (int i = 0; i < count; i++) {
        if (!xs[i])
            return RT_FAIL(ARG, "%s: tensor %d is missing (NULL)", what, i), false;
        if (!rt__object_is(xs[i], &rt__tensor_type, what, 1))
            return false;
    }
    return true;
}

rt_tensor *rt_cat(rt_tensor *const *xs, int count, int axis)
{
    if (!takes_all("cat", xs, count))
        return NULL;
    cat_args a = {rt__axis("cat", axis, xs[0]->dims.n), xs[0]->dims};
    if (a.axis < 0)
        return NULL;
    for (int i = 1; i < count; i++) {
        rt_dims expected = xs[i]->dims;
        if (expected.n == a.dims.n)
            expected.d[a.axis] = a.dims.d[a.axis];
        if (!rt__dims_equal(expected, a.dims) || xs[i]->dtype != xs[0]->dtype)
            return RT_FAIL_NULL(SHAPE,
                                "cat: tensor %d is %s, which does not fit to %s along axis %d", i,
                                rt_describe(xs[i]), rt_describe(xs[0]), axis);
        a.dims.d[a.axis] += xs[i]->dims.d[a.axis];
    }
    return rt_apply_many(&cat_op, &a, sizeof a, xs, count);
}

rt_tensor *rt_stack(rt_tensor *const *xs, int count, int axis)
{
    if (!takes_all("stack", xs, count))
        return NULL;
    int i = rt__axis("stack", axis, xs[0]->dims.n + 1);
    if (i < 0)
        return NULL;
    for (int k = 1; k < count; k++)
        if (!rt__dims_equal(xs[k]->dims, xs[0]->dims))
            return RT_FAIL_NULL(SHAPE, "stack: tensor %d is %s, expected the shape of %s", k,
                                rt_describe(xs[k]), rt_describe(xs[0]));
    rt_tensor **rows = rt_calloc((size_t)count, sizeof *rows);
    for (int k = 0; k < count && rows; k++)
        rows[k] = rt_unsqueeze(xs[k], i);
    rt_tensor *y = rows ? rt_cat(rows, count, i) : NULL;
    rt_mem_free(rows);
    return y;
}
