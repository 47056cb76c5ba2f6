/* The two operations that record in-place writes: a window of a tensor, and a tensor in which a window was replaced. Each is the
 * gradient of the other:
 *     y = window(x):        dx = put(0, dy)
 *     y = put(whole, part): d whole = put(dy, 0), d part = window(dy) */
#include "common/base/error.h"
#include "worker/engine/autograd/graph.h"
#include <string.h>

/* Where a window lies in a contiguous tensor, whose type it need not have: parts of complex numbers are real. */
typedef struct place {
    rt_dtype dtype;
    rt_dims dims;
    int64_t stride[RT_MAX_DIMS];
    int64_t bytes; /* from the first element of the tensor */
} place;

#define PUT_FIELDS(F)                                                                              \
    F(INPUT, whole, RT_NEEDED, RT_ANY_TYPE, "any shape")                                           \
    F(INPUT, part, RT_NEEDED, RT_ANY_TYPE, "of the shape and type of the window")
typedef struct RT_DESIGNATED put_args {
    RT_STRUCT(PUT_FIELDS)
    place at;
} put_args;

#define WINDOW_FIELDS(F) F(INPUT, whole, RT_NEEDED, RT_ANY_TYPE, "any shape")
typedef struct RT_DESIGNATED window_args {
    RT_STRUCT(WINDOW_FIELDS)
    place at;
} window_args;

static const rt_op put_op, window_op;

static rt_tensor *put(rt_tensor *whole, rt_tensor *part, const place *at)
{
    return rt_apply(&put_op, &(put_args){.whole = whole, .part = part, .at = *at});
}

static rt_tensor *window_of(rt_tensor *whole, const place *at)
{
    return rt__tensor_view_as(whole, at->dtype, at->dims, at->stride, at->bytes);
}

/* ---- put ---- */

static rt_status put_run(rt_call *c)
{
    const place *at = &((const put_args *)c->args)->at;
    rt__copy(c->out[0], c->in[0]);
    rt_tensor *part = window_of(c->out[0], at);
    if (part)
        rt__copy(part, c->in[1]);
    return rt_error_code();
}

static void put_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const place *at = &((const put_args *)c->args)->at;
    if (rt_needs(c, 0))
        dx[0] = put(dy[0], rt_zeros(at->dims, at->dtype), at);
    if (rt_needs(c, 1))
        dx[1] = rt_apply(&window_op, &(window_args){.whole = rt_contiguous(dy[0]), .at = *at});
}

static const rt_op put_op = {
    .name = "put_window",
    RT_INTERNAL_ARGS(put_args, PUT_FIELDS),
    .infer = rt__infer_like_first,
    .run = put_run,
    .backward = put_backward,
};

/* ---- window ---- */

static rt_status window_infer(rt_call *c)
{
    const place *at = &((const window_args *)c->args)->at;
    return rt_window_as(c, at->dtype, at->dims, at->stride,
                        at->bytes / (int64_t)rt_dtype_size(at->dtype));
}

static void window_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] =
        put(rt_zeros(c->in[0]->dims, c->in[0]->dtype), dy[0], &((const window_args *)c->args)->at);
}

static const rt_op window_op = {
    .name = "window",
    RT_INTERNAL_ARGS(window_args, WINDOW_FIELDS),
    .infer = window_infer,
    .backward = window_backward,
};

/* ---- recording what was computed by other means ---- */

static place place_of(const rt_tensor *base, const rt_tensor *x)
{
    place at = {.dtype = x->dtype,
                .dims = x->dims,
                .bytes = (const char *)x->data - (const char *)base->data};
    memcpy(at.stride, x->stride, sizeof at.stride);
    return at;
}

/* Gives y, which already has the value of a call, that call's history. */
static rt_status record(const rt_op *op, const void *args, rt_tensor *y)
{
    rt_object *former = y->node;
    rt_status status = rt__node_record(
        &(rt_call){.op = op, .args = args, .in = args, .n_in = op->n_in, .out = &y, .n_out = 1});
    if (status == RT_OK)
        rt__object_drop(former);
    return status;
}

rt_status rt__record_put(rt_tensor *whole, const rt_tensor *x, rt_tensor *part)
{
    return record(&put_op, &(put_args){.whole = whole, .part = part, .at = place_of(whole, x)},
                  whole);
}

rt_tensor *rt__record_window(rt_tensor *base, const rt_tensor *x)
{
    window_args a = {.whole = base, .at = place_of(base, x)};
    for (int i = 0; i < x->dims.n; i++)
        if (x->stride[i] == 0 && x->dims.d[i] > 1) /* expanded from size 1: its gradient is a sum */
            a.at.dims.d[i] = 1;
    rt_tensor *y = window_of(base, &a.at);
    if (!y)
        return NULL;
    if (!rt__tensor_is_injective(y))
        return RT_FAIL_NULL(UNSUPPORTED,
                            "%s is a view that shows elements of %s more than once, which was "
                            "written in place: make the view again",
                            rt_describe(x), rt_describe(base));
    if (record(&window_op, &a, y) != RT_OK)
        return NULL;
    return rt__dims_same(&x->dims, &y->dims) ? y : rt_expand(y, x->dims);
}
