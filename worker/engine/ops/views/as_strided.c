/* Any window of a tensor's memory. The gradient is computed in a buffer as long as the memory that x and y show: elements of dy that
 * share a place are added there, and x's gradient is what lies where x's elements do. Elements of x that share a place get equal
 * parts of what lies there. */
#include "common/base/error.h"
#include "worker/engine/ops/views/window.h"
#include <string.h>

#define AS_STRIDED_FIELDS(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of y")                                                      \
    F(DIMS, strides, RT_NEEDED, RT_ANY, "one for each axis of y, in elements; 0 or more")          \
    F(INT, offset, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(0)),                                             \
      "of y's first element from the begin of the memory; not given: that of x")
typedef struct RT_DESIGNATED as_strided_args {
    RT_STRUCT(AS_STRIDED_FIELDS)
} as_strided_args;

/* Both windows, counted from the first element in memory that one of them shows. */
typedef struct as_strided_plan {
    rt_place x, y;
    int64_t size; /* from there to the last element */
} as_strided_plan;

/* Returns the place of the last element, or of the first if there is none. */
static int64_t last_of(const rt_place *at)
{
    int64_t last = at->offset;
    for (int i = 0; i < at->dims.n; i++)
        if (at->dims.d[i] == 0)
            return last;
    for (int i = 0; i < at->dims.n; i++)
        last += (at->dims.d[i] - 1) * at->stride[i];
    return last;
}

static void plan_gradient(as_strided_plan *p, const rt_tensor *x, const rt_place *y,
                          int64_t x_offset)
{
    p->y = *y;
    p->x = (rt_place){.dims = x->dims, .offset = x_offset};
    memcpy(p->x.stride, x->stride, sizeof p->x.stride);
    if (x->numel == 0)
        return;
    int64_t from = p->x.offset < p->y.offset ? p->x.offset : p->y.offset;
    p->x.offset -= from;
    p->y.offset -= from;
    int64_t of_x = last_of(&p->x), of_y = last_of(&p->y);
    p->size = (of_x > of_y ? of_x : of_y) + 1;
}

static rt_status as_strided_infer(rt_call *c)
{
    const as_strided_args *a = c->args;
    const rt_tensor *x = c->in[0];
    bool fits = a->strides.n == a->shape.n;
    for (int i = 0; i < a->shape.n && fits; i++)
        fits = a->strides.d[i] >= 0;
    if (!fits)
        return RT_FAIL(SHAPE,
                       "as_strided: strides %s for shape %s, expected one for each axis, 0 or more",
                       rt_dims_text(a->strides), rt_dims_text(a->shape));
    int64_t numel = rt__dims_numel(a->shape, "as_strided");
    if (numel < 0)
        return rt_error_code();
    if (!x->storage) /* fails, and says so */
        return rt_window(c, a->shape, a->strides.d, 0);
    int64_t size = (int64_t)rt_dtype_size(x->dtype);
    int64_t of_x = ((const char *)x->data - (const char *)x->storage->data) / size;
    int64_t offset = a->offset == RT_NOT_GIVEN ? of_x : a->offset;
    rt_place at = {.dims = a->shape, .offset = numel > 0 ? offset : of_x};
    memcpy(at.stride, a->strides.d, sizeof at.stride);
    if (!rt__tensor_has_window(x, x->dtype, at.dims, at.stride, at.offset - of_x))
        return RT_FAIL(RANGE,
                       "as_strided: shape %s with strides %s from element %lld reaches outside of "
                       "the %lld elements in the memory of %s",
                       rt_dims_text(a->shape), rt_dims_text(a->strides), (long long)offset,
                       (long long)x->storage->bytes / size, rt_describe(x));
    plan_gradient(c->plan, x, &at, of_x);
    return rt_window(c, at.dims, at.stride, at.offset - of_x);
}

static void as_strided_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const as_strided_plan *p = c->plan;
    if (dy[0]->numel == 0 || p->size == 0) {
        dx[0] = rt_zeros(p->x.dims, dy[0]->dtype);
        return;
    }
    rt_dims memory = rt_shape(p->size);
    rt_tensor *sum = rt__unwindow(dy[0], memory, &p->y);
    if (!rt__place_is_injective(&p->x)) {
        rt_tensor *ones = rt_ones(p->x.dims, dy[0]->dtype);
        rt_tensor *shown = rt__unwindow(ones, memory, &p->x); /* how often x shows each place */
        sum = rt_div(sum, rt_maximum(shown, rt_ones(rt_shape(), dy[0]->dtype)));
    }
    dx[0] = rt__window(sum, &p->x);
}

const rt_op rt__op_as_strided = {
    .name = "as_strided",
    .help =
        "y[i, k, ...] = the element offset + i * strides[0] + k * strides[1] + ... of x's memory",
    RT_ARGS(as_strided_args, AS_STRIDED_FIELDS),
    .infer = as_strided_infer,
    .backward = as_strided_backward,
    .plan_size = sizeof(as_strided_plan),
};

rt_tensor *rt_as_strided(rt_tensor *x, rt_dims shape, rt_dims strides, int64_t offset)
{
    return rt_apply(
        &rt__op_as_strided,
        &(as_strided_args){.x = x, .shape = shape, .strides = strides, .offset = offset});
}
