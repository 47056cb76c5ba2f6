/* Picking by int64 index: gather along an axis, rows of a table. Gradients add in the order of the
 * index, so equal indices give the same bits every time. */
#include <string.h>
#include "common/error.h"
#include "worker/engine/ops/ops.h"

typedef struct index_args {
    rt_tensor *x, *index;
    rt_dims dims; /* of what is picked from: its transpose must know */
    int axis;
} index_args;

static rt_status index_dtype(const rt_call *c, const rt_tensor *index)
{
    if (index->dtype == RT_I64)
        return RT_OK;
    return RT_FAIL(DTYPE, "%s: the index is %s, expected int64", c->op->name, rt_describe(index));
}

static rt_status float_dtype(const rt_call *c, const rt_tensor *x)
{
    if (x->dtype == RT_F32)
        return RT_OK;
    return RT_FAIL(DTYPE, "%s: %s, expected float32", c->op->name, rt_describe(x));
}

/* ---- gather and scatter_add ---- */

/* Walks the elements of an index: where in a contiguous tensor of shape `dims` each one points. */
typedef struct walk {
    rt_dims shape; /* of the index */
    int axis;
    int64_t stride[RT_MAX_DIMS], at[RT_MAX_DIMS];
    int64_t base; /* of the present element, without the indexed axis */
} walk;

static walk walk_begin(rt_dims shape, rt_dims dims, int axis)
{
    walk w = {.shape = shape, .axis = axis};
    rt__dims_strides(dims, w.stride);
    return w;
}

static void walk_next(walk *w)
{
    for (int i = w->shape.n - 1; i >= 0; i--) {
        int64_t step = i == w->axis ? 0 : w->stride[i];
        w->base += step;
        if (++w->at[i] < w->shape.d[i])
            return;
        w->base -= step * w->shape.d[i];
        w->at[i] = 0;
    }
}

static rt_status check_gather(const rt_call *c, rt_dims index, rt_dims dims, int axis)
{
    bool fits = index.n == dims.n;
    for (int i = 0; i < dims.n && fits; i++)
        fits = i == axis || index.d[i] <= dims.d[i];
    if (fits)
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: index %s does not fit to %s along axis %d", c->op->name,
                   rt_dims_text(index), rt_dims_text(dims), axis);
}

static rt_status check_index(const rt_call *c, int64_t index, int64_t at, int64_t size)
{
    if (index >= 0 && index < size)
        return RT_OK;
    return RT_FAIL(RANGE, "%s: index %lld at element %lld, expected 0 to %lld", c->op->name,
                   (long long)index, (long long)at, (long long)size - 1);
}

static rt_tensor *gather_forward(rt_call *c)
{
    const index_args *a = c->args;
    if (index_dtype(c, a->index) != RT_OK || float_dtype(c, a->x) != RT_OK ||
        check_gather(c, a->index->dims, a->dims, a->axis) != RT_OK)
        return NULL;
    rt_tensor *x = rt__tensor_contiguous(a->x), *index = rt__tensor_contiguous(a->index);
    rt_tensor *y = rt_out(c, a->index->dims, RT_F32);
    if (!x || !index || !y)
        return NULL;
    const float *from = x->data;
    const int64_t *at = index->data;
    walk w = walk_begin(index->dims, a->dims, a->axis);
    for (int64_t i = 0; i < index->numel; i++, walk_next(&w)) {
        if (check_index(c, at[i], i, a->dims.d[a->axis]) != RT_OK)
            return NULL;
        ((float *)y->data)[i] = from[w.base + at[i] * w.stride[a->axis]];
    }
    return y;
}

static void gather_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    const index_args *a = c->args;
    dx[0] = rt__scatter_add(dy, a->dims, a->axis, c->in[1]);
}

static const rt_op gather_op = {"gather", 2, gather_forward, gather_backward,
                                .saves = RT_SAVES_IN(1)};

/* A scalar passes for one element along one axis. */
static rt_tensor *with_an_axis(rt_tensor *x)
{
    return x->dims.n > 0 ? x : rt_reshape(x, rt_shape(1));
}

rt_tensor *rt_gather(rt_tensor *x, int axis, rt_tensor *index)
{
    int i = rt__takes("gather", x) ? rt__axis_or_scalar("gather", axis, x->dims.n) : -1;
    if (i < 0 || !rt__object_is(index, &rt__tensor_type, "gather", 2))
        return NULL;
    rt_tensor *from = with_an_axis(x), *at = with_an_axis(index);
    if (!from || !at)
        return NULL;
    rt_tensor *y = rt_apply(&gather_op, &(index_args){from, at, from->dims, i}, sizeof(index_args));
    return y && index->dims.n == 0 ? rt_reshape(y, index->dims) : y;
}

static rt_tensor *scatter_forward(rt_call *c)
{
    const index_args *a = c->args;
    rt_tensor *src = rt__tensor_contiguous(a->x), *index = rt__tensor_contiguous(a->index);
    rt_tensor *y = rt_out(c, a->dims, RT_F32);
    if (!src || !index || !y || rt__fill(y, 0) != RT_OK)
        return NULL;
    const int64_t *at = index->data;
    walk w = walk_begin(index->dims, a->dims, a->axis);
    for (int64_t i = 0; i < index->numel; i++, walk_next(&w))
        ((float *)y->data)[w.base + at[i] * w.stride[a->axis]] += ((const float *)src->data)[i];
    return y;
}

static void scatter_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    const index_args *a = c->args;
    dx[0] = rt_gather(g, a->axis, c->in[1]);
}

static const rt_op scatter_op = {"scatter_add", 2, scatter_forward, scatter_backward,
                                 .saves = RT_SAVES_IN(1)};

rt_tensor *rt__scatter_add(rt_tensor *src, rt_dims dims, int axis, rt_tensor *index)
{
    return rt_apply(&scatter_op, &(index_args){src, index, dims, axis}, sizeof(index_args));
}

/* ---- embedding ---- */

static rt_tensor *embedding_forward(rt_call *c)
{
    const index_args *a = c->args;
    if (index_dtype(c, a->index) != RT_OK || float_dtype(c, a->x) != RT_OK)
        return NULL;
    if (a->dims.n != 2 || a->index->dims.n == RT_MAX_DIMS)
        return RT_FAIL_NULL(SHAPE,
                            "embedding: table %s and index %s, expected [v,d] and up to 7 axes",
                            rt_dims_text(a->dims), rt_dims_text(a->index->dims));
    rt_dims dims = a->index->dims;
    int64_t d = dims.d[dims.n++] = a->dims.d[1];
    rt_tensor *table = rt__tensor_contiguous(a->x), *index = rt__tensor_contiguous(a->index);
    rt_tensor *y = rt_out(c, dims, RT_F32);
    if (!table || !index || !y)
        return NULL;
    const int64_t *at = index->data;
    for (int64_t i = 0; i < index->numel; i++) {
        if (check_index(c, at[i], i, a->dims.d[0]) != RT_OK)
            return NULL;
        memcpy((float *)y->data + i * d, (const float *)table->data + at[i] * d,
               (size_t)d * sizeof(float));
    }
    return y;
}

static const rt_op embedding_grad_op;

static void embedding_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    const index_args *a = c->args;
    rt_aim(c, 0);
    dx[0] = rt_apply(&embedding_grad_op, &(index_args){dy, c->in[1], a->dims}, sizeof(index_args));
}

static const rt_op embedding_op = {"embedding", 2, embedding_forward, embedding_backward,
                                   .saves = RT_SAVES_IN(1)};

rt_tensor *rt_embedding(rt_tensor *table, rt_tensor *index)
{
    if (!rt__takes("embedding", table))
        return NULL;
    return rt_apply(&embedding_op, &(index_args){table, index, table->dims}, sizeof(index_args));
}

/* Adds the rows of dy to those of a zero table. */
static rt_tensor *embedding_grad_forward(rt_call *c)
{
    const index_args *a = c->args;
    rt_tensor *dy = rt__tensor_contiguous(a->x), *index = rt__tensor_contiguous(a->index);
    rt_tensor *dx = rt_out(c, a->dims, RT_F32);
    if (!dy || !index || !dx || rt__fill(dx, 0) != RT_OK)
        return NULL;
    const int64_t *at = index->data;
    int64_t d = a->dims.d[1];
    for (int64_t i = 0; i < index->numel; i++)
        for (int64_t k = 0; k < d; k++)
            ((float *)dx->data)[at[i] * d + k] += ((const float *)dy->data)[i * d + k];
    return dx;
}

static void embedding_grad_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    dx[0] = rt_embedding(g, c->in[1]);
}

static const rt_op embedding_grad_op = {"embedding_grad", 2, embedding_grad_forward,
                                        embedding_grad_backward, .saves = RT_SAVES_IN(1)};
