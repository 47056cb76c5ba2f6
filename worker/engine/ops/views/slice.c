/* Parts of a tensor along one axis. One operation, slice, is recorded; the others are made of it. Its gradient is unslice, zeros with
 * dy in the places that the part came from, and the gradient of that is slice again. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

/* ---- unslice ---- */

#define UNSLICE_FIELDS(F) F(INPUT, dy, RT_NEEDED, RT_ANY_TYPE, "the part")
typedef struct unslice_args {
    RT_STRUCT(UNSLICE_FIELDS)
    rt_dims dims; /* of the whole */
    int axis;
    int64_t start, step;
} unslice_args;

static rt_status unslice_infer(rt_call *c)
{
    const unslice_args *a = c->args;
    return rt_result(c, 0, a->dims, c->in[0]->dtype);
}

static rt_status unslice_run(rt_call *c)
{
    const unslice_args *a = c->args;
    RT_TRY(rt__fill(c->out[0], 0));
    return rt__copy_to_part(c->out[0], c->in[0], a->axis, a->start, a->step);
}

static void unslice_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    const unslice_args *a = c->args;
    int64_t size = c->in[0]->dims.d[a->axis];
    int64_t end = size > 0 ? a->start + (size - 1) * a->step + 1 : a->start;
    dx[0] = rt_slice(g[0], a->axis, a->start, end, a->step);
}

static const rt_op unslice_op = {
    .name = "unslice",
    RT_INTERNAL_ARGS(unslice_args, UNSLICE_FIELDS),
    .infer = unslice_infer,
    .run = unslice_run,
    .backward = unslice_backward,
    .strided = true,
};

/* Returns the stride from one index that is taken to the next. Along an axis of at most one index it may wrap around: nobody follows it. */
static int64_t step_over(int64_t stride, int64_t step)
{
    int64_t product;
    (void)__builtin_mul_overflow(stride, step, &product);
    return product;
}

rt_status rt__copy_to_part(rt_tensor *y, const rt_tensor *x, int axis, int64_t start, int64_t step)
{
    if (x->numel == 0)
        return RT_OK;
    int64_t stride[RT_MAX_DIMS];
    for (int i = 0; i < y->dims.n; i++)
        stride[i] = y->stride[i];
    stride[axis] = step_over(stride[axis], step);
    rt_tensor *part = rt__tensor_view(y, x->dims, stride, start * y->stride[axis]);
    if (!part)
        return rt_error_code();
    rt__copy(part, x);
    return RT_OK;
}

/* ---- slice ---- */

#define SLICE_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INT, axis, 0, RT_ANY, "the axis that is cut")                                                \
    F(INT, start, 0, RT_ANY, "the first index; negative ones count from the end")                  \
    F(INT, end, INT64_MAX, RT_ANY, "the first index that is not taken; likewise")                  \
    F(INT, step, 1, RT_FROM(1), "from one index to the next")
typedef struct slice_args {
    RT_STRUCT(SLICE_FIELDS)
} slice_args;

typedef struct slice_plan {
    int axis;      /* counted from 0 */
    int64_t start; /* likewise */
} slice_plan;

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static rt_status slice_infer(rt_call *c)
{
    const slice_args *a = c->args;
    const rt_tensor *x = c->in[0];
    int axis = rt__axis("slice", a->axis, x->dims.n);
    if (axis < 0)
        return rt_error_code();
    int64_t n = x->dims.d[axis];
    int64_t start = clamp(a->start < 0 ? a->start + n : a->start, 0, n);
    int64_t end = clamp(a->end < 0 ? a->end + n : a->end, 0, n);
    int64_t size = end > start ? (end - start - 1) / a->step + 1 : 0;
    *(slice_plan *)c->plan = (slice_plan){axis, start};
    rt_dims dims = x->dims;
    dims.d[axis] = size;
    int64_t stride[RT_MAX_DIMS];
    for (int i = 0; i < dims.n; i++)
        stride[i] = x->stride[i];
    stride[axis] = step_over(stride[axis], a->step);
    return rt_window(c, dims, stride, size > 0 ? start * x->stride[axis] : 0);
}

static void slice_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const slice_args *a = c->args;
    const slice_plan *p = c->plan;
    dx[0] =
        rt_apply(&unslice_op, &(unslice_args){dy[0], c->in[0]->dims, p->axis, p->start, a->step});
}

const rt_op rt__op_slice = {
    .name = "slice",
    .help = "y = x[start:end:step] along an axis",
    RT_ARGS(slice_args, SLICE_FIELDS),
    .infer = slice_infer,
    .backward = slice_backward,
    .plan_size = sizeof(slice_plan),
};

rt_tensor *rt_slice_(rt_slice_args a)
{
    return rt_apply(&rt__op_slice, &(slice_args){a.x, a.axis, a.start, a.end, a.step});
}

/* ---- narrow ---- */

#define NARROW_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis that is cut")                                   \
    F(INT, start, RT_NEEDED, RT_ANY, "the first index; a negative one counts from the end")        \
    F(INT, length, RT_NEEDED, RT_FROM(0), "how many; all must be there")
typedef struct narrow_args {
    RT_STRUCT(NARROW_FIELDS)
} narrow_args;

rt_tensor *rt_narrow(rt_tensor *x, int axis, int64_t start, int64_t length)
{
    int i = rt__takes("narrow", x) ? rt__axis("narrow", axis, x->dims.n) : -1;
    if (i < 0)
        return NULL;
    int64_t size = x->dims.d[i], from = start < 0 ? start + size : start;
    if (from < 0 || length < 0 || length > size || from > size - length)
        return RT_FAIL_NULL(RANGE, "narrow: %lld elements from %lld do not lie in axis %d of %s",
                            (long long)length, (long long)start, axis, rt_describe(x));
    return rt_slice(x, i, from, from + length, 1);
}

static void narrow_compose(rt_call *c)
{
    const narrow_args *a = c->args;
    c->out[0] = rt_narrow(a->x, (int)a->axis, a->start, a->length);
}

const rt_op rt__op_narrow = {
    .name = "narrow",
    .help = "y = x[start:start+length] along an axis",
    RT_ARGS(narrow_args, NARROW_FIELDS),
    .compose = narrow_compose,
};

/* ---- select ---- */

#define SELECT_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis that goes")                                     \
    F(INT, index, RT_NEEDED, RT_ANY, "which of it; a negative one counts from the end")
typedef struct select_args {
    RT_STRUCT(SELECT_FIELDS)
} select_args;

rt_tensor *rt_select(rt_tensor *x, int axis, int64_t index)
{
    int i = rt__takes("select", x) ? rt__axis("select", axis, x->dims.n) : -1;
    if (i < 0)
        return NULL;
    int64_t size = x->dims.d[i], from = index < 0 ? index + size : index;
    if (index < -size || index >= size)
        return RT_FAIL_NULL(RANGE, "select: index %lld is not in axis %d of %s", (long long)index,
                            axis, rt_describe(x));
    return rt_squeeze(rt_slice(x, i, from, from + 1, 1), i);
}

static void select_compose(rt_call *c)
{
    const select_args *a = c->args;
    c->out[0] = rt_select(a->x, (int)a->axis, a->index);
}

const rt_op rt__op_select = {
    .name = "select",
    .help = "y = x[index] along an axis, which is dropped",
    RT_ARGS(select_args, SELECT_FIELDS),
    .compose = select_compose,
};
