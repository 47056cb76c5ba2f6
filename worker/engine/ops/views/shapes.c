/* Short composites that show a tensor in another shape. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define ONE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")
typedef struct RT_DESIGNATED one_args {
    RT_STRUCT(ONE_FIELDS)
} one_args;

/* ---- axes in another order ---- */

#define MOVEDIM_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, source, RT_NEEDED, RT_ANY, "the axes that move, each at most once")                    \
    F(DIMS, destination, RT_NEEDED, RT_ANY, "where each of them goes")
typedef struct RT_DESIGNATED movedim_args {
    RT_STRUCT(MOVEDIM_FIELDS)
} movedim_args;

/* Fills the axes that did not move, in order, into the places that are left. */
static rt_dims order_of(int n, const int *from, unsigned moved)
{
    rt_dims order = {.n = n};
    for (int i = 0, next = 0; i < n; i++) {
        while (from[i] < 0 && moved >> next & 1)
            next++;
        order.d[i] = from[i] < 0 ? next++ : from[i];
    }
    return order;
}

RT_COMPOSITE(movedim, movedim_args, MOVEDIM_FIELDS,
             "y = x with the axes source at the places destination, the others in order")
{
    int n = a->x->dims.n, from[RT_MAX_DIMS];
    unsigned moved = 0;
    if (a->source.n != a->destination.n)
        return RT_FAIL_NULL(SHAPE, "movedim: axes %s to places %s, expected as many",
                            rt_dims_text(a->source), rt_dims_text(a->destination));
    for (int i = 0; i < n; i++)
        from[i] = -1;
    for (int i = 0; i < a->source.n; i++) {
        int s = rt__axis_or_scalar("movedim", a->source.d[i], n);
        int d = s < 0 ? -1 : rt__axis_or_scalar("movedim", a->destination.d[i], n);
        if (d < 0)
            return NULL;
        if (n > 0 && (from[d] >= 0 || moved >> s & 1))
            return RT_FAIL_NULL(RANGE, "movedim: axes %s to places %s, expected each once",
                                rt_dims_text(a->source), rt_dims_text(a->destination));
        moved |= 1u << s;
        if (n > 0)
            from[d] = s;
    }
    return rt_permute(a->x, order_of(n, from, moved));
}

rt_tensor *rt_movedim(rt_tensor *x, rt_dims source, rt_dims destination)
{
    return rt_apply(&rt__op_movedim,
                    &(movedim_args){.x = x, .source = source, .destination = destination});
}

#define MATRICES_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[..., n, m]")
typedef struct RT_DESIGNATED matrices_args {
    RT_STRUCT(MATRICES_FIELDS)
} matrices_args;

RT_COMPOSITE(mt, matrices_args, MATRICES_FIELDS, "y = x with its matrices transposed: [..., m, n]")
{
    if (a->x->dims.n < 2)
        return RT_FAIL_NULL(SHAPE, "mt: %s, expected two axes or more", rt_describe(a->x));
    return rt_transpose(a->x, -2, -1);
}

rt_tensor *rt_mt(rt_tensor *x)
{
    return rt_apply(&rt__op_mt, &(matrices_args){.x = x});
}

/* ---- axes merged, split, added and dropped ---- */

RT_COMPOSITE(ravel, one_args, ONE_FIELDS, "y = x with all axes as one")
{
    return rt_flatten(a->x, 0, -1);
}

rt_tensor *rt_ravel(rt_tensor *x)
{
    return rt_apply(&rt__op_ravel, &(one_args){.x = x});
}

#define UNFLATTEN_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis that is split")                                 \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the axes in its place; one may be -1, what is left")
typedef struct RT_DESIGNATED unflatten_args {
    RT_STRUCT(UNFLATTEN_FIELDS)
} unflatten_args;

RT_COMPOSITE(unflatten, unflatten_args, UNFLATTEN_FIELDS, "y = x with an axis split into several")
{
    int axis = rt__axis("unflatten", a->axis, a->x->dims.n);
    if (axis < 0)
        return NULL;
    int more = a->shape.n - 1;
    int64_t known = 1, unknown = -1;
    rt_dims dims = {.n = a->x->dims.n + more};
    if (a->shape.n == 0 || dims.n > RT_MAX_DIMS)
        return RT_FAIL_NULL(SHAPE, "unflatten: axis %d of %s into %s, expected 1 to %d axes in all",
                            axis, rt_describe(a->x), rt_dims_text(a->shape), RT_MAX_DIMS);
    for (int i = 0; i < dims.n; i++) {
        bool inside = i >= axis && i <= axis + more;
        dims.d[i] = inside ? a->shape.d[i - axis] : a->x->dims.d[i < axis ? i : i - more];
        if (inside && dims.d[i] == -1 && unknown < 0)
            unknown = i;
        else if (inside && (dims.d[i] < 0 || __builtin_mul_overflow(known, dims.d[i], &known)))
            known = -1, i = dims.n;
    }
    int64_t size = a->x->dims.d[axis];
    if (known > 0 && unknown >= 0) { /* from this axis alone: others may be empty */
        dims.d[unknown] = size / known;
        known *= dims.d[unknown];
    }
    if (known != size || (unknown >= 0 && dims.d[unknown] < 0))
        return RT_FAIL_NULL(SHAPE, "unflatten: axis %d of %s does not fit into shape %s", axis,
                            rt_describe(a->x), rt_dims_text(a->shape));
    return rt_reshape(a->x, dims);
}

rt_tensor *rt_unflatten(rt_tensor *x, int axis, rt_dims shape)
{
    return rt_apply(&rt__op_unflatten, &(unflatten_args){.x = x, .axis = axis, .shape = shape});
}

#define SQUEEZE_AXES_FIELDS(F)                                                                     \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, axes, RT_EMPTY, RT_ANY, "those that go, if they have size 1; none: all of size 1")
typedef struct RT_DESIGNATED squeeze_axes_args {
    RT_STRUCT(SQUEEZE_AXES_FIELDS)
} squeeze_axes_args;

RT_COMPOSITE(squeeze_axes, squeeze_axes_args, SQUEEZE_AXES_FIELDS,
             "y = x without axes of size 1; others stay")
{
    unsigned listed = a->axes.n == 0 ? ~0u : 0;
    for (int i = 0; i < a->axes.n; i++) {
        int axis = rt__axis_or_scalar("squeeze_axes", a->axes.d[i], a->x->dims.n);
        if (axis < 0)
            return NULL;
        if (listed >> axis & 1)
            return RT_FAIL_NULL(RANGE, "squeeze_axes: axis %d is twice in %s", axis,
                                rt_dims_text(a->axes));
        listed |= 1u << axis;
    }
    rt_dims dims = {0};
    for (int i = 0; i < a->x->dims.n; i++)
        if (!(listed >> i & 1) || a->x->dims.d[i] != 1)
            dims.d[dims.n++] = a->x->dims.d[i];
    return dims.n == a->x->dims.n ? a->x : rt_reshape(a->x, dims);
}

rt_tensor *rt_squeeze_axes(rt_tensor *x, rt_dims axes)
{
    return rt_apply(&rt__op_squeeze_axes, &(squeeze_axes_args){.x = x, .axes = axes});
}

RT_COMPOSITE(atleast_1d, one_args, ONE_FIELDS, "y = x, a scalar as [1]")
{
    return a->x->dims.n > 0 ? a->x : rt_unsqueeze(a->x, 0);
}

rt_tensor *rt_atleast_1d(rt_tensor *x)
{
    return rt_apply(&rt__op_atleast_1d, &(one_args){.x = x});
}

RT_COMPOSITE(atleast_2d, one_args, ONE_FIELDS, "y = x with two axes at least: [n] as [1, n]")
{
    return a->x->dims.n > 1 ? a->x : rt_unsqueeze(rt_atleast_1d(a->x), 0);
}

rt_tensor *rt_atleast_2d(rt_tensor *x)
{
    return rt_apply(&rt__op_atleast_2d, &(one_args){.x = x});
}

RT_COMPOSITE(atleast_3d, one_args, ONE_FIELDS,
             "y = x with three axes at least: [n] as [1, n, 1], [n, m] as [n, m, 1]")
{
    return a->x->dims.n > 2 ? a->x : rt_unsqueeze(rt_atleast_2d(a->x), -1);
}

rt_tensor *rt_atleast_3d(rt_tensor *x)
{
    return rt_apply(&rt__op_atleast_3d, &(one_args){.x = x});
}

/* ---- the shape of another tensor ---- */

#define AS_FIELDS(F)                                                                               \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, other, RT_NEEDED, RT_ANY_TYPE, "the tensor whose shape is taken")
typedef struct RT_DESIGNATED as_args {
    RT_STRUCT(AS_FIELDS)
} as_args;

RT_COMPOSITE(view_as, as_args, AS_FIELDS, "y = x in the shape of other, without a copy")
{
    return rt_view(a->x, a->other->dims);
}

rt_tensor *rt_view_as(rt_tensor *x, rt_tensor *other)
{
    return rt_apply(&rt__op_view_as, &(as_args){.x = x, .other = other});
}

RT_COMPOSITE(reshape_as, as_args, AS_FIELDS, "y = x in the shape of other")
{
    return rt_reshape(a->x, a->other->dims);
}

rt_tensor *rt_reshape_as(rt_tensor *x, rt_tensor *other)
{
    return rt_apply(&rt__op_reshape_as, &(as_args){.x = x, .other = other});
}

RT_COMPOSITE(expand_as, as_args, AS_FIELDS, "y = x broadcast to the shape of other")
{
    return rt_expand(a->x, a->other->dims);
}

rt_tensor *rt_expand_as(rt_tensor *x, rt_tensor *other)
{
    return rt_apply(&rt__op_expand_as, &(as_args){.x = x, .other = other});
}

#define BROADCAST_TO_FIELDS(F)                                                                     \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "one that x broadcasts to; -1 keeps a size of x")
typedef struct RT_DESIGNATED broadcast_to_args {
    RT_STRUCT(BROADCAST_TO_FIELDS)
} broadcast_to_args;

RT_COMPOSITE(broadcast_to, broadcast_to_args, BROADCAST_TO_FIELDS, "y = x broadcast to a shape")
{
    return rt_expand(a->x, a->shape);
}

rt_tensor *rt_broadcast_to(rt_tensor *x, rt_dims shape)
{
    return rt_apply(&rt__op_broadcast_to, &(broadcast_to_args){.x = x, .shape = shape});
}
