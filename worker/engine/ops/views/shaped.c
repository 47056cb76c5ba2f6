/* Other shapes for the same elements in the same order. Only a view is recorded; its gradient is dy in the shape of the input. */
#include "worker/engine/ops/views/shaped.h"

#include "common/base/error.h"

/* Merges x's axes into contiguous runs, and divides each run into new axes. */
bool rt__shaped_strides(const rt_tensor *x, rt_dims dims, int64_t *stride)
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

rt_status rt__shaped_resolve(const char *what, const rt_tensor *x, rt_dims *dims)
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

rt_status rt__shaped_infer(rt_call *c)
{
    const rt_shaped_args *a = c->args;
    rt_dims dims = a->shape;
    int64_t stride[RT_MAX_DIMS];
    RT_TRY(rt__shaped_resolve(c->op->name, c->in[0], &dims));
    if (!rt__shaped_strides(c->in[0], dims, stride))
        return RT_FAIL(SHAPE, "view: %s cannot be seen as %s without a copy: use reshape",
                       rt_describe(c->in[0]), rt_dims_text(dims));
    return rt_window(c, dims, stride, 0);
}

void rt__shaped_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_reshape(dy[0], c->in[0]->dims);
}
