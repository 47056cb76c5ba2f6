/* Weighted sums of elements along an axis, and weighted elements added along an axis: each is the other's gradient. */
#include "worker/engine/ops/resize/resample.h"

#include "common/base/error.h"
#include "worker/engine/ops/index/index.h"

#define RESAMPLE_FIELDS(F)                                                                         \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "x, or what is added")                             \
    F(INPUT, w, RT_NEEDED, RT_SAME | RT_FLOATS, "[size, taps]")                                    \
    F(INPUT, at, RT_NEEDED, RT_TYPE(I64), "the element that each weight is for")
typedef struct RT_DESIGNATED resample_args {
    RT_STRUCT(RESAMPLE_FIELDS)
    int axis;
    int64_t size; /* of the axis in the result */
} resample_args;

static const rt_op resample_op, resample_grad_op;

static rt_status resample_infer(rt_call *c)
{
    const resample_args *a = c->args;
    rt_dims dims = c->in[0]->dims;
    dims.d[a->axis] = a->size;
    return rt_result(c, 0, dims, c->in[0]->dtype);
}

/* Describes the sums that make an axis of size `out` of one of size `in`. */
static rt_resample_shape shape_of(const rt_call *c, int64_t in, int64_t out)
{
    const resample_args *a = c->args;
    const rt_dims *d = &c->in[0]->dims;
    rt_resample_shape s = {1, in, out, 1, c->in[1]->dims.d[1]};
    for (int i = 0; i < a->axis; i++)
        s.outer *= d->d[i];
    for (int i = a->axis + 1; i < d->n; i++)
        s.inner *= d->d[i];
    return s;
}

static rt_status resample_run(rt_call *c)
{
    const resample_args *a = c->args;
    const rt_tensor *x = c->in[0];
    if (x->numel == 0)
        return RT_OK;
    rt_resample_shape s = shape_of(c, x->dims.d[a->axis], a->size);
    rt_exec *e = rt_exec_of(c);
    e->kernels->resample[x->dtype](e, &s, c->in[2]->data, c->in[1]->data, x->data, c->out[0]->data);
    return RT_OK;
}

static rt_status resample_grad_run(rt_call *c)
{
    const resample_args *a = c->args;
    const rt_tensor *dy = c->in[0];
    if (dy->numel == 0)
        return RT_OK;
    rt_resample_shape s = shape_of(c, a->size, dy->dims.d[a->axis]);
    rt_exec *e = rt_exec_of(c);
    e->kernels->resample_dx[dy->dtype](e, &s, c->in[2]->data, c->in[1]->data, dy->data,
                                       c->out[0]->data);
    return RT_OK;
}

static void reversed(rt_call *c, const rt_op *op, rt_tensor *dy, rt_tensor **dx)
{
    int axis = ((const resample_args *)c->args)->axis;
    *dx = rt_apply(
        op,
        &(resample_args){
            .x = dy, .w = c->in[1], .at = c->in[2], .axis = axis, .size = c->in[0]->dims.d[axis]});
}

static void resample_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    reversed(c, &resample_grad_op, dy[0], dx);
}

static void resample_grad_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    reversed(c, &resample_op, dy[0], dx);
}

#define RESAMPLE RT_INTERNAL_ARGS(resample_args, RESAMPLE_FIELDS), .infer = resample_infer

static const rt_op resample_op = {
    .name = "resample",
    RESAMPLE,
    .run = resample_run,
    .backward = resample_backward,
    .saves_in = 3 << 1,
};

static const rt_op resample_grad_op = {
    .name = "resample_grad",
    RESAMPLE,
    .run = resample_grad_run,
    .backward = resample_grad_backward,
    .saves_in = 3 << 1,
};

static rt_tensor *weighted(const rt_op *op, rt_tensor *x, int axis, int64_t size, rt_dims table,
                           const int64_t *at, const double *w)
{
    rt_tensor *weights =
        w ? rt_to(rt_from(w, table, RT_F64), x->dtype) : rt_full(table, 1, x->dtype);
    return rt_apply(
        op,
        &(resample_args){
            .x = x, .w = weights, .at = rt_from(at, table, RT_I64), .axis = axis, .size = size});
}

rt_tensor *rt__resample(rt_tensor *x, int axis, int64_t size, int taps, const int64_t *at,
                        const double *w)
{
    if (!x)
        return NULL;
    if (rt__dtype_is_float(x->dtype))
        return weighted(&resample_op, x, axis, size, rt_shape(size, taps), at, w);
    return rt_index_select(x, axis, rt_from(at, rt_shape(size), RT_I64));
}

rt_tensor *rt__resample_add(rt_tensor *x, int axis, int64_t size, const int64_t *at)
{
    if (!x)
        return NULL;
    rt_dims dims = x->dims;
    rt_dims one = rt_shape(dims.d[axis], 1);
    if (rt__dtype_is_float(x->dtype))
        return weighted(&resample_grad_op, x, axis, size, one, at, NULL);
    rt_tensor *index = rt_from(at, rt_shape(dims.d[axis]), RT_I64);
    index = rt__index_along("resample", index, dims, axis);
    dims.d[axis] = size;
    return rt__scatter_add(x, axis, index, dims);
}
