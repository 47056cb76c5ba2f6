/* A part of a tensor along one axis: the indices start, start + step, ... before end. Its gradient is unslice, zeros with dy at the
 * positions that the part came from; the gradient of that is slice again. */
#include "common/base/error.h"
#include "worker/engine/ops/views/part.h"

/* ---- unslice ---- */

#define UNSLICE_FIELDS(F) F(INPUT, dy, RT_NEEDED, RT_ANY_TYPE, "the part")
typedef struct RT_DESIGNATED unslice_args {
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

/* ---- slice ---- */

#define SLICE_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INT, axis, 0, RT_ANY, "the axis that is cut")                                                \
    F(INT, start, 0, RT_ANY, "the first index; negative ones count from the end")                  \
    F(INT, end, INT64_MAX, RT_ANY, "the first index that is not taken; likewise")                  \
    F(INT, step, 1, RT_FROM(1), "from one index to the next")
typedef struct RT_DESIGNATED slice_args {
    RT_STRUCT(SLICE_FIELDS)
} slice_args;

typedef struct slice_plan {
    int axis;      /* counted from 0 */
    int64_t start; /* counted from 0 */
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
    stride[axis] = rt__step_over(stride[axis], a->step);
    /* Without elements the stride may be any number, and the place does not count. */
    int64_t offset = (int64_t)((uint64_t)start * (uint64_t)x->stride[axis]);
    return rt_window(c, dims, stride, size > 0 ? offset : 0);
}

static void slice_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const slice_args *a = c->args;
    const slice_plan *p = c->plan;
    dx[0] = rt_apply(&unslice_op, &(unslice_args){.dy = dy[0],
                                                  .dims = c->in[0]->dims,
                                                  .axis = p->axis,
                                                  .start = p->start,
                                                  .step = a->step});
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
    return rt_apply(
        &rt__op_slice,
        &(slice_args){.x = a.x, .axis = a.axis, .start = a.start, .end = a.end, .step = a.step});
}
