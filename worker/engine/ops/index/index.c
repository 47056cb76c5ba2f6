/* Plans for indexing along an axis, and the run that scattering operations share. */
#include "worker/engine/ops/index/index.h"

#include <string.h>

static rt_dims with_an_axis(rt_dims d)
{
    return d.n > 0 ? d : rt_shape(1);
}

static bool is_empty(rt_dims d)
{
    bool empty = false;
    for (int i = 0; i < d.n; i++)
        empty |= d.d[i] == 0;
    return empty;
}

rt_status rt__index_plan(rt_call *c, rt_dims index, rt_dims dims, int64_t given)
{
    rt_index_plan *p = c->plan;
    int axis = rt__axis_or_scalar(c->op->name, given, dims.n);
    if (axis < 0)
        return rt_error_code();
    *p = (rt_index_plan){axis, with_an_axis(index), with_an_axis(dims)};
    if (is_empty(index))
        return RT_OK;
    bool fits = p->index.n == p->dims.n;
    for (int i = 0; i < p->dims.n && fits; i++)
        fits = i == axis || p->index.d[i] <= p->dims.d[i];
    if (fits)
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: index %s does not fit %s along axis %d", c->op->name,
                   rt_dims_text(index), rt_dims_text(dims), axis);
}

/* Returns whether the elements of x lie one after the other, each of them once: broadcast axes do not count. */
static bool is_packed(const rt_tensor *x)
{
    int64_t expected = 1;
    if (x->numel == 0) /* its strides count an empty axis as 1 */
        return true;
    for (int i = x->dims.n - 1; i >= 0; i--) {
        if (x->dims.d[i] == 1 || x->stride[i] == 0)
            continue;
        if (x->stride[i] != expected)
            return false;
        expected *= x->dims.d[i];
    }
    return true;
}

rt_tensor *rt__whole_index(rt_tensor *index)
{
    if (index->dtype != RT_I64)
        return rt__convert(index, RT_I64);
    return is_packed(index) ? index : rt__tensor_contiguous(index);
}

void rt__pick_merge(rt_pick *p)
{
    int n = 0;
    for (int d = 0; d < p->nd; d++)
        if (p->dim[d] == 0) { /* the other sizes may be any, and their product too large */
            p->nd = 1;
            p->dim[0] = p->at[0] = p->stride[0] = 0;
            return;
        }
    for (int d = 0; d < p->nd; d++) {
        int64_t dim = p->dim[d], at = p->at[d], stride = p->stride[d];
        if (dim == 1)
            continue;
        bool joins = n > 0 && p->at[n - 1] == at * dim && p->stride[n - 1] == stride * dim;
        n -= joins;
        p->dim[n] = joins ? p->dim[n] * dim : dim;
        p->at[n] = at;
        p->stride[n++] = stride;
    }
    if (n == 0) {
        p->dim[0] = 1;
        p->at[0] = p->stride[0] = 0;
        n = 1;
    }
    p->nd = n;
}

rt_pick rt__index_pick(const rt_index_plan *p, const rt_tensor *x, const rt_tensor *index)
{
    int axis = p->axis, n = p->dims.n;
    rt_pick k = {.bytes = rt_dtype_size(x->dtype), .size = p->dims.d[axis], .nd = n};
    if (index->numel == 0) { /* it may have another number of axes */
        k.nd = 1;
        return k;
    }
    memcpy(k.dim, p->index.d, (size_t)n * sizeof *k.dim);
    memcpy(k.at, index->stride, (size_t)index->dims.n * sizeof *k.at);
    memcpy(k.stride, x->stride, (size_t)x->dims.n * sizeof *k.stride);
    k.step = k.stride[axis];
    k.stride[axis] = 0;
    rt__pick_merge(&k);
    return k;
}

typedef void scatter_fn(rt_exec *e, const rt_pick *p, const void *y, const int64_t *index, void *x);

/* Returns the kernel for a type. A bool is 0 or 1, so that a sum of bools is the largest of them, and a product the smallest. */
static scatter_fn *kernel_of(const rt_kernels *k, rt_join join, rt_dtype t)
{
    bool truth = t == RT_BOOL;
    t = truth ? RT_U8 : t;
    switch (join) {
    case RT_JOIN_ADD:
        return truth ? k->scatter_max[t] : k->scatter_add[t];
    case RT_JOIN_MUL:
        return truth ? k->scatter_min[t] : k->scatter_mul[t];
    case RT_JOIN_MAX:
        return k->scatter_max[t];
    case RT_JOIN_MIN:
        return k->scatter_min[t];
    default:
        return k->scatter;
    }
}

rt_status rt__scatter_run(rt_call *c, rt_join join, const rt_pick *p, const rt_tensor *index,
                          rt_tensor *src)
{
    rt_tensor *y = c->out[0];
    src = src ? rt__tensor_contiguous(src) : NULL;
    if (!src || !index)
        return rt_error_code();
    if (y->data != c->in[0]->data)
        rt__copy(y, c->in[0]);
    rt_exec *e = rt_exec_of(c);
    kernel_of(e->kernels, join, y->dtype)(e, p, src->data, index->data, y->data);
    return rt__index_error(c);
}

rt_tensor *rt__index_along(const char *what, rt_tensor *index, rt_dims dims, int axis)
{
    if (!index || axis < 0)
        return NULL;
    if (index->dims.n > 1)
        return RT_FAIL_NULL(SHAPE, "%s: the index is %s, expected [n] or []", what,
                            rt_describe(index));
    dims = with_an_axis(dims);
    rt_dims one = {.n = dims.n};
    for (int i = 0; i < dims.n; i++)
        one.d[i] = i == axis ? index->numel : 1;
    dims.d[axis] = index->numel;
    return rt_expand(rt_reshape(index, one), dims);
}
