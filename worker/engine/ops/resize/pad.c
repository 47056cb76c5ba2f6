/* Elements before and after axes: a value, or elements of x, which are copied from one part of the result to another. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/ops/resize/resample.h"
#include <string.h>

#define AROUND_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "what lies in the middle")
typedef struct RT_DESIGNATED around_args {
    RT_STRUCT(AROUND_FIELDS)
    rt_dims dims, before; /* of the result; how many elements there are before x along each axis */
    rt_pad_mode mode;
    double value;
} around_args;

static rt_status around_infer(rt_call *c)
{
    return rt_result(c, 0, ((const around_args *)c->args)->dims, c->in[0]->dtype);
}

/* Copies `count` indices of an axis of y: from `from` on, forward if step is 1, backward if it is -1, and the same one again if it is 0.
 * dims, first: the part of y that is padded so far, along the other axes. */
static void copy_along(const rt_tensor *y, rt_dims dims, int64_t first, int axis, int64_t count,
                       int64_t to, int64_t from, int step)
{
    int64_t stride[RT_MAX_DIMS];
    memcpy(stride, y->stride, sizeof stride);
    dims.d[axis] = count;
    if (count == 0 || rt_failed())
        return;
    rt_tensor *there = rt__tensor_view(y, dims, stride, first + to * y->stride[axis]);
    stride[axis] *= step;
    rt_tensor *here = rt__tensor_view(y, dims, stride, first + from * y->stride[axis]);
    if (there && here)
        rt__copy(there, here);
}

/* Fills what lies before and after an axis from the n elements in the middle, along all that is padded already of later axes. */
static void pad_axis(const around_args *a, const rt_tensor *y, rt_dims dims, int64_t first,
                     int axis, int64_t n)
{
    int64_t before = a->before.d[axis], end = before + n, after = a->dims.d[axis] - end;
    switch (a->mode) {
    case RT_PAD_REFLECT:
        copy_along(y, dims, first, axis, before, 0, 2 * before, -1);
        copy_along(y, dims, first, axis, after, end, end - 2, -1);
        break;
    case RT_PAD_REPLICATE:
        copy_along(y, dims, first, axis, before, 0, before, 0);
        copy_along(y, dims, first, axis, after, end, end - 1, 0);
        break;
    case RT_PAD_CIRCULAR:
        copy_along(y, dims, first, axis, before, 0, n, 1);
        copy_along(y, dims, first, axis, after, end, before, 1);
        break;
    case RT_PAD_CONSTANT:
        break;
    }
}

static rt_status around_run(rt_call *c)
{
    const around_args *a = c->args;
    const rt_tensor *x = c->in[0], *y = c->out[0];
    rt_dims dims = x->dims;
    int64_t first = 0;
    if (y->numel == 0) /* its strides may be any numbers */
        return RT_OK;
    if (a->mode == RT_PAD_CONSTANT)
        RT_TRY(rt__fill(c->out[0], a->value));
    for (int i = 0; i < dims.n; i++)
        first += a->before.d[i] * y->stride[i];
    rt_tensor *middle = x->numel > 0 ? rt__tensor_view(y, dims, y->stride, first) : NULL;
    if (!middle)
        return rt_error_code();
    rt__copy(middle, x);
    for (int i = dims.n - 1; i >= 0; i--) {
        first -= a->before.d[i] * y->stride[i];
        pad_axis(a, y, dims, first, i, dims.d[i]);
        dims.d[i] = a->dims.d[i];
    }
    return rt_error_code();
}

/* ---- the gradient: of each axis, elements are added where they come from ---- */

/* Returns the index in x, along an axis of size n, of what lies at i. */
static int64_t origin(rt_pad_mode mode, int64_t i, int64_t n)
{
    if (i >= 0 && i < n)
        return i;
    if (mode == RT_PAD_REPLICATE)
        return i < 0 ? 0 : n - 1;
    if (mode == RT_PAD_REFLECT)
        return i < 0 ? -i : 2 * (n - 1) - i;
    return i < 0 ? i + n : i - n;
}

static rt_tensor *fold_axis(rt_pad_mode mode, rt_tensor *dy, int axis, int64_t before, int64_t n)
{
    int64_t size = dy ? dy->dims.d[axis] : 0;
    if (dy && dy->numel == 0) /* the axis may be long although another one is empty */
        return rt_narrow(dy, axis, 0, n);
    int64_t *at = dy ? rt_calloc((size_t)size, sizeof *at) : NULL;
    if (!at)
        return NULL;
    for (int64_t i = 0; i < size; i++)
        at[i] = origin(mode, i - before, n);
    rt_tensor *dx = rt__resample_add(dy, axis, n, at);
    rt_mem_free(at);
    return dx;
}

static void around_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const around_args *a = c->args;
    dx[0] = dy[0];
    for (int i = 0; i < a->dims.n; i++) {
        int64_t before = a->before.d[i], n = c->in[0]->dims.d[i];
        if (a->mode == RT_PAD_CONSTANT)
            dx[0] = rt_narrow(dx[0], i, before, n);
        else if (a->dims.d[i] != n)
            dx[0] = fold_axis(a->mode, dx[0], i, before, n);
    }
}

static const rt_op around_op = {
    .name = "pad",
    RT_INTERNAL_ARGS(around_args, AROUND_FIELDS),
    .infer = around_infer,
    .run = around_run,
    .backward = around_backward,
    .strided = true,
};

/* ---- the operation ---- */

/* Returns the elements that an axis has before or after x; a negative number counts as none. */
static int64_t added(int64_t pad)
{
    return pad > 0 ? pad : 0;
}

/* Returns the number of elements that a mode can add on one side of an axis of size n. */
static int64_t most_of(rt_pad_mode mode, int64_t n)
{
    if (mode == RT_PAD_CONSTANT || (mode == RT_PAD_REPLICATE && n > 0))
        return INT64_MAX;
    return mode == RT_PAD_REFLECT ? n - 1 : n;
}

/* Computes the shape of the result. */
static rt_status padded_dims(const rt_pad_args *a, rt_dims *dims)
{
    *dims = a->x->dims;
    if (a->pads_count % 2 != 0 || a->pads_count / 2 > dims->n)
        return RT_FAIL(SHAPE, "pad: %lld numbers for %s, expected two for each of the last axes",
                       (long long)a->pads_count, rt_describe(a->x));
    for (int64_t i = 0; i < a->pads_count / 2; i++) {
        int64_t before = a->pads[2 * i], after = a->pads[2 * i + 1], whole;
        int64_t *size = &dims->d[dims->n - 1 - i], first = added(-before), last = added(-after);
        bool none_left = first > *size || last > *size - first;
        if (__builtin_add_overflow(*size, added(before), &whole) ||
            __builtin_add_overflow(whole, added(after), &whole) || none_left)
            return RT_FAIL(RANGE, "pad: %lld and %lld elements for axis %d of %s: no size is left",
                           (long long)before, (long long)after, dims->n - 1 - (int)i,
                           rt_describe(a->x));
        *size = whole - first - last;
    }
    return rt__dims_numel(*dims, "pad") < 0 ? rt_error_code() : RT_OK;
}

/* Returns x without what negative pads cut off. dims: the shape of the result; padded: x has all of what is added already. */
static rt_tensor *cut(const rt_pad_args *a, rt_tensor *x, rt_dims dims, bool padded)
{
    for (int64_t i = 0; i < a->pads_count / 2; i++) {
        int axis = dims.n - 1 - (int)i;
        int64_t before = a->pads[2 * i], after = a->pads[2 * i + 1];
        int64_t left = dims.d[axis] - (padded ? 0 : added(before) + added(after));
        if (before < 0 || after < 0)
            x = rt_narrow(x, axis, added(-before), left);
    }
    return x;
}

/* Adds what positive pads say. */
static rt_tensor *add_around(const rt_pad_args *a, rt_tensor *x)
{
    static const char *const limit[] = {
        [RT_PAD_REFLECT] = "reflect adds less than an axis has",
        [RT_PAD_REPLICATE] = "replicate needs one to repeat",
        [RT_PAD_CIRCULAR] = "circular adds at most as many as an axis has",
    };
    if (!x)
        return NULL;
    around_args args = {.x = x,
                        .dims = x->dims,
                        .before = {.n = x->dims.n},
                        .mode = (rt_pad_mode)a->mode,
                        .value = a->value};
    bool any = false;
    for (int64_t i = 0; i < a->pads_count / 2; i++) {
        int axis = x->dims.n - 1 - (int)i;
        int64_t before = added(a->pads[2 * i]), after = added(a->pads[2 * i + 1]);
        int64_t most = most_of(args.mode, x->dims.d[axis]);
        if (before > most || after > most)
            return RT_FAIL_NULL(RANGE, "pad: %lld and %lld elements for axis %d of %s: %s",
                                (long long)a->pads[2 * i], (long long)a->pads[2 * i + 1], axis,
                                rt_describe(a->x), limit[a->mode]);
        args.before.d[axis] = before;
        args.dims.d[axis] += before + after;
        any |= before > 0 || after > 0;
    }
    return any ? rt_apply(&around_op, &args) : x;
}

/* Reflect and replicate also find elements that are cut off on the other side, so they pad first. Circular goes around what is left, as
 * in PyTorch. */
RT_COMPOSITE(pad, rt_pad_args, RT_PAD_FIELDS,
             "y = x with elements before and after its last axes, or without some")
{
    rt_dims dims;
    if (padded_dims(a, &dims) != RT_OK)
        return NULL;
    bool cut_last = a->mode == RT_PAD_REFLECT || a->mode == RT_PAD_REPLICATE;
    rt_tensor *y = cut_last ? cut(a, add_around(a, a->x), dims, true)
                            : add_around(a, cut(a, a->x, dims, false));
    if (!y || y == a->x || y->storage == a->x->storage)
        return rt_clone(y);
    return rt_contiguous(y);
}

rt_tensor *rt_pad_(rt_pad_args a)
{
    return rt_apply(&rt__op_pad, &a);
}
