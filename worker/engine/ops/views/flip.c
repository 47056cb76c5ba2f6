/* Copies in another order: the indices of axes reversed or shifted. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"
#include <string.h>

/* ---- flip: a copy of a view with negative strides ---- */

#define FLIP_FIELDS(F)                                                                             \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, axes, RT_NEEDED, RT_ANY, "those that are reversed, each once")
typedef struct RT_DESIGNATED flip_args {
    RT_STRUCT(FLIP_FIELDS)
} flip_args;

typedef struct flip_plan {
    unsigned axes; /* bit i: axis i is reversed */
} flip_plan;

static rt_status flip_infer(rt_call *c)
{
    const rt_dims axes = ((const flip_args *)c->args)->axes;
    flip_plan *p = c->plan;
    for (int i = 0; i < axes.n; i++) {
        int axis = rt__axis_or_scalar("flip", axes.d[i], c->in[0]->dims.n);
        if (axis < 0)
            return rt_error_code();
        if (p->axes >> axis & 1)
            return RT_FAIL(RANGE, "flip: axis %d is twice in %s", axis, rt_dims_text(axes));
        p->axes |= 1u << axis;
    }
    return rt_result_like(c, 0, c->in[0]);
}

static rt_status flip_run(rt_call *c)
{
    const flip_plan *p = c->plan;
    const rt_tensor *x = c->in[0];
    int64_t stride[RT_MAX_DIMS], last = 0;
    if (x->numel == 0)
        return RT_OK;
    memcpy(stride, x->stride, sizeof stride);
    for (int i = 0; i < x->dims.n; i++)
        if (p->axes >> i & 1) {
            last += (x->dims.d[i] - 1) * stride[i];
            stride[i] = -stride[i];
        }
    rt_tensor *reversed = rt__tensor_view(x, x->dims, stride, last);
    if (reversed)
        rt__copy(c->out[0], reversed);
    return rt_error_code();
}

static void flip_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_flip(dy[0], ((const flip_args *)c->args)->axes);
}

const rt_op rt__op_flip = {
    .name = "flip",
    .help = "y = x with the indices of some axes in reverse order",
    RT_ARGS(flip_args, FLIP_FIELDS),
    .infer = flip_infer,
    .run = flip_run,
    .backward = flip_backward,
    .plan_size = sizeof(flip_plan),
    .strided = true,
};

rt_tensor *rt_flip(rt_tensor *x, rt_dims axes)
{
    return rt_apply(&rt__op_flip, &(flip_args){.x = x, .axes = axes});
}

#define FLIPPED_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more; fliplr: two")
typedef struct RT_DESIGNATED flipped_args {
    RT_STRUCT(FLIPPED_FIELDS)
} flipped_args;

RT_COMPOSITE(fliplr, flipped_args, FLIPPED_FIELDS, "y = x with axis 1 in reverse order")
{
    if (a->x->dims.n < 2)
        return RT_FAIL_NULL(SHAPE, "fliplr: %s, expected two axes or more", rt_describe(a->x));
    return rt_flip(a->x, rt_shape(1));
}

rt_tensor *rt_fliplr(rt_tensor *x)
{
    return rt_apply(&rt__op_fliplr, &(flipped_args){.x = x});
}

RT_COMPOSITE(flipud, flipped_args, FLIPPED_FIELDS, "y = x with axis 0 in reverse order")
{
    if (a->x->dims.n < 1)
        return RT_FAIL_NULL(SHAPE, "flipud: %s, expected one axis or more", rt_describe(a->x));
    return rt_flip(a->x, rt_shape(0));
}

rt_tensor *rt_flipud(rt_tensor *x)
{
    return rt_apply(&rt__op_flipud, &(flipped_args){.x = x});
}

#define ROT90_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "two axes or more")                                        \
    F(INT, k, 1, RT_ANY, "how many quarters of a turn, from the first axis to the second")         \
    F(PAIR, axes, (0, 1), RT_ANY_AXIS, "of the plane")
typedef struct RT_DESIGNATED rot90_args {
    RT_STRUCT(ROT90_FIELDS)
} rot90_args;

RT_COMPOSITE(rot90, rot90_args, ROT90_FIELDS, "y = x turned by k quarters in the plane of two axes")
{
    int from = rt__axis("rot90", a->axes[0], a->x->dims.n);
    int to = from < 0 ? -1 : rt__axis("rot90", a->axes[1], a->x->dims.n);
    if (to < 0)
        return NULL;
    if (from == to)
        return RT_FAIL_NULL(RANGE, "rot90: axis %lld and axis %lld are one, expected two",
                            (long long)a->axes[0], (long long)a->axes[1]);
    switch (a->k & 3) {
    case 0:
        return rt_clone(a->x);
    case 1:
        return rt_transpose(rt_flip(a->x, rt_shape(to)), from, to);
    case 2:
        return rt_flip(a->x, rt_shape(from, to));
    default:
        return rt_transpose(rt_flip(a->x, rt_shape(from)), from, to);
    }
}

rt_tensor *rt_rot90(rt_tensor *x, int64_t k, int axis1, int axis2)
{
    return rt_apply(&rt__op_rot90, &(rot90_args){.x = x, .k = k, .axes = {axis1, axis2}});
}

/* ---- roll ---- */

#define ROLL_FIELDS(F)                                                                             \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INTS, shifts, RT_NEEDED, RT_ANY, "how far, for each of the axes; negative ones back")        \
    F(INTS, axes, RT_EMPTY, RT_ANY, "one for each shift; none: x as if it had one axis")
typedef struct RT_DESIGNATED roll_args {
    RT_STRUCT(ROLL_FIELDS)
} roll_args;

static rt_tensor *roll_axis(rt_tensor *x, int64_t shift, int axis)
{
    int64_t n = x && x->dims.n ? x->dims.d[axis] : 0, by = n > 0 ? shift % n : 0;
    if (by == 0)
        return x;
    by = by < 0 ? by + n : by;
    rt_tensor *parts[] = {rt_narrow(x, axis, n - by, by), rt_narrow(x, axis, 0, n - by)};
    return rt_cat(parts, 2, axis);
}

RT_COMPOSITE(roll, roll_args, ROLL_FIELDS, "y[(i + shift) mod n] = x[i] along each axis of size n")
{
    rt_tensor *y = a->x;
    if (a->axes_count == 0 && a->shifts_count == 1)
        y = rt_reshape(roll_axis(rt_ravel(a->x), a->shifts[0], 0), a->x->dims);
    else if (a->axes_count != a->shifts_count || a->axes_count == 0)
        return RT_FAIL_NULL(SHAPE, "roll: %lld shifts for %lld axes, expected as many",
                            (long long)a->shifts_count, (long long)a->axes_count);
    for (int64_t i = 0; i < a->axes_count && y; i++) {
        int axis = rt__axis_or_scalar("roll", a->axes[i], a->x->dims.n);
        y = axis < 0 ? NULL : roll_axis(y, a->shifts[i], axis);
    }
    return y == a->x || (y && y->storage == a->x->storage) ? rt_clone(a->x) : y;
}

rt_tensor *rt_roll(rt_tensor *x, const int64_t *shifts, const int64_t *axes, int count)
{
    return rt_apply(&rt__op_roll, &(roll_args){.x = x,
                                               .shifts = shifts,
                                               .shifts_count = count,
                                               .axes = axes,
                                               .axes_count = axes ? count : 0});
}
