/* Windows along an axis, as a view: a new last axis has the elements of each. The gradient adds where windows overlap, in the order of
 * their places modulo the number of windows that share an element. */
#include "common/base/error.h"
#include "worker/engine/ops/views/part.h"
#include "worker/engine/ops/views/window.h"
#include <string.h>

#define UNFOLD_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "at most 7 axes")                                          \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis along which the windows lie")                   \
    F(INT, size, RT_NEEDED, RT_FROM(0), "of a window")                                             \
    F(INT, step, RT_NEEDED, RT_FROM(1), "from the first element of a window to that of the next")
typedef struct RT_DESIGNATED unfold_args {
    RT_STRUCT(UNFOLD_FIELDS)
} unfold_args;

static rt_status place_of(const unfold_args *a, rt_dims dims, const int64_t *stride, rt_place *out)
{
    int axis = rt__axis_or_scalar("unfold", a->axis, dims.n);
    if (axis < 0)
        return rt_error_code();
    int64_t length = dims.n > 0 ? dims.d[axis] : 1;
    if (dims.n == RT_MAX_DIMS || a->size > length)
        return RT_FAIL(SHAPE,
                       "unfold: windows of %lld along axis %d of %s, expected at most its size, "
                       "and at most %d axes",
                       (long long)a->size, axis, rt_dims_text(dims), RT_MAX_DIMS - 1);
    *out = (rt_place){.dims = dims};
    memcpy(out->stride, stride, (size_t)dims.n * sizeof *stride);
    out->stride[dims.n] = dims.n > 0 ? stride[axis] : 1;
    out->dims.d[out->dims.n++] = a->size;
    if (dims.n > 0) {
        out->dims.d[axis] = (length - a->size) / a->step + 1;
        out->stride[axis] = rt__step_over(stride[axis], a->step);
    }
    return RT_OK;
}

static rt_status unfold_infer(rt_call *c)
{
    rt_place at;
    RT_TRY(place_of(c->args, c->in[0]->dims, c->in[0]->stride, &at));
    return rt_window(c, at.dims, at.stride, 0);
}

static void unfold_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_dims dims = c->in[0]->dims;
    int64_t stride[RT_MAX_DIMS];
    rt_place at;
    rt__dims_strides(dims, stride);
    const unfold_args *a = c->args;
    if (place_of(a, dims, stride, &at) != RT_OK)
        return;
    if (dims.n == 0 || a->size <= a->step || dy[0]->numel == 0) {
        dx[0] = rt__unwindow(dy[0], dims, &at);
        return;
    }
    /* Windows this many places from each other do not overlap, so each such set is put into zeros as a whole. */
    int axis = rt__axis("unfold", a->axis, dims.n);
    int64_t apart = (a->size - 1) / a->step + 1, windows = at.dims.d[axis], step = at.stride[axis];
    for (int64_t first = 0; first < apart && first < windows && !rt_failed(); first++) {
        rt_tensor *set = rt_slice(dy[0], axis, first, windows, apart);
        at.dims.d[axis] = (windows - first - 1) / apart + 1;
        at.stride[axis] = rt__step_over(step, apart);
        at.offset = first * step;
        rt_tensor *part = rt__unwindow(set, dims, &at);
        dx[0] = dx[0] ? rt_add(dx[0], part) : part;
    }
}

const rt_op rt__op_unfold = {
    .name = "unfold",
    .help = "y[..., i, ..., k] = x[..., i * step + k, ...] along an axis, k < size",
    RT_ARGS(unfold_args, UNFOLD_FIELDS),
    .infer = unfold_infer,
    .backward = unfold_backward,
};

rt_tensor *rt_unfold(rt_tensor *x, int axis, int64_t size, int64_t step)
{
    return rt_apply(&rt__op_unfold,
                    &(unfold_args){.x = x, .axis = axis, .size = size, .step = step});
}
