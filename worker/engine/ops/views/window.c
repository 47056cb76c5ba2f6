/* A window of a contiguous tensor, and zeros with a window added; each is the gradient of the other. */
#include "worker/engine/ops/views/window.h"

#include "common/base/error.h"
#include <string.h>

#define WINDOW_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "what is seen, or put into the window")
typedef struct RT_DESIGNATED window_args {
    RT_STRUCT(WINDOW_FIELDS)
    rt_dims whole; /* shape of the contiguous tensor */
    rt_place at;
} window_args;

bool rt__place_is_injective(const rt_place *at)
{
    rt_tensor t = {.dims = at->dims};
    memcpy(t.stride, at->stride, sizeof t.stride);
    return rt__tensor_is_injective(&t);
}

/* ---- the window ---- */

static rt_status seen_infer(rt_call *c)
{
    const rt_place *at = &((const window_args *)c->args)->at;
    return rt_window(c, at->dims, at->stride, at->offset);
}

static void seen_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const window_args *a = c->args;
    dx[0] = rt__unwindow(dy[0], a->whole, &a->at);
}

static const rt_op seen_op = {
    .name = "window",
    RT_INTERNAL_ARGS(window_args, WINDOW_FIELDS),
    .infer = seen_infer,
    .backward = seen_backward,
};

rt_tensor *rt__window(rt_tensor *x, const rt_place *at)
{
    return x ? rt_apply(&seen_op, &(window_args){.x = x, .whole = x->dims, .at = *at}) : NULL;
}

/* ---- the reverse, if no elements of the window share memory ---- */

static rt_status put_infer(rt_call *c)
{
    return rt_result(c, 0, ((const window_args *)c->args)->whole, c->in[0]->dtype);
}

static rt_status put_run(rt_call *c)
{
    const rt_place *at = &((const window_args *)c->args)->at;
    RT_TRY(rt__fill(c->out[0], 0));
    rt_tensor *window = rt__tensor_view(c->out[0], at->dims, at->stride, at->offset);
    if (window)
        rt__copy(window, c->in[0]);
    return rt_error_code();
}

static void put_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__window(rt_contiguous(dy[0]), &((const window_args *)c->args)->at);
}

static const rt_op put_op = {
    .name = "unwindow",
    RT_INTERNAL_ARGS(window_args, WINDOW_FIELDS),
    .infer = put_infer,
    .run = put_run,
    .backward = put_backward,
    .strided = true,
};

/* ---- the reverse, where elements of the window share memory ---- */

/* Returns the place of each element of the window, flat. */
static rt_tensor *places(const rt_place *at)
{
    rt_tensor *y = rt_full(rt_shape(), (double)at->offset, RT_I64);
    for (int i = 0; i < at->dims.n; i++) {
        if (at->dims.d[i] == 1 || at->stride[i] == 0)
            continue;
        rt_dims along = {.n = at->dims.n - i, .d = {at->dims.d[i]}};
        for (int k = 1; k < along.n; k++)
            along.d[k] = 1;
        double step = (double)at->stride[i], end = step * (double)at->dims.d[i];
        y = rt_add(y, rt_reshape(rt_arange(0, end, step, RT_I64), along));
    }
    return rt_flatten(rt_expand(y, at->dims), 0, -1);
}

rt_tensor *rt__unwindow(rt_tensor *part, rt_dims whole, const rt_place *at)
{
    int64_t size = rt__dims_numel(whole, "unwindow");
    if (!part || size < 0)
        return NULL;
    if (part->numel > 0 && !rt__place_is_injective(at))
        return rt_reshape(rt__scatter_add(rt_flatten(part, 0, -1), 0, places(at), rt_shape(size)),
                          whole);
    return rt_apply(&put_op, &(window_args){.x = part, .whole = whole, .at = *at});
}
