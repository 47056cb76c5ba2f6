/* The conjugate, the angle, and the direction x / |x| of complex numbers. Real numbers have an angle, too, made of other operations. */
#include "worker/engine/ops/ops.h"
#include <math.h>

#define DIRECTION_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")
#define COMPLEX_FIELDS(F)   F(INPUT, x, RT_NEEDED, RT_COMPLEX, "any shape")
typedef struct RT_DESIGNATED direction_args {
    RT_STRUCT(DIRECTION_FIELDS)
} direction_args;

typedef void pairs_fn(rt_exec *e, int64_t n, const void *x, void *y);

static rt_status pairs_run(rt_call *c, pairs_fn *const *kernels)
{
    const rt_tensor *x = c->in[0];
    kernels[rt__part_type(x->dtype)](rt_exec_of(c), x->numel, x->data, c->out[0]->data);
    return RT_OK;
}

/* |x|, but 1 where it is 0, so that one can divide by it. */
static rt_tensor *length(rt_tensor *x)
{
    rt_tensor *y = rt_abs(x);
    if (!y)
        return NULL;
    return rt_where(rt_eq(y, rt_full(rt_shape(), 0, y->dtype)), rt_full(rt_shape(), 1, y->dtype),
                    y);
}

/* ---- the conjugate ---- */

static rt_status conj_run(rt_call *c)
{
    return pairs_run(c, rt_exec_of(c)->kernels->conj_pairs);
}

static void conj_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = rt_conj(dy[0]);
}

static const rt_op conj_op = {
    .name = "conj",
    RT_INTERNAL_ARGS(direction_args, COMPLEX_FIELDS),
    .infer = rt__infer_like_first,
    .run = conj_run,
    .backward = conj_backward,
};

rt_tensor *rt_conj(rt_tensor *x)
{
    if (!rt__takes("conj", x) || !rt__dtype_is_complex(x->dtype))
        return rt_failed() ? NULL : x;
    return rt_apply(&conj_op, &(direction_args){.x = x});
}

RT_COMPOSITE(conj, direction_args, DIRECTION_FIELDS, "y = re x - i im x; x itself if it is real")
{
    return rt_conj(a->x);
}

/* ---- the direction ---- */

static rt_status sgn_run(rt_call *c)
{
    return pairs_run(c, rt_exec_of(c)->kernels->sgn_pairs);
}

/* The part of dy across y, over |x|: along y the direction does not change. */
static void sgn_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_tensor *x = c->in[0], *y = c->out[0], *along = rt_real(rt_mul(dy[0], rt_conj(y)));
    rt_tensor *zero = rt_full(rt_shape(), 0, rt__part_type(x->dtype));
    dx[0] =
        rt_where(rt_eq(rt_abs(y), zero), zero, rt_div(rt_sub(dy[0], rt_mul(y, along)), length(x)));
}

static const rt_op sgn_op = {
    .name = "sgn",
    RT_INTERNAL_ARGS(direction_args, COMPLEX_FIELDS),
    .infer = rt__infer_like_first,
    .run = sgn_run,
    .backward = sgn_backward,
    .saves_in = 1 << 0,
    .saves_out = 1 << 0,
};

rt_tensor *rt__direction(rt_tensor *x, bool in_place)
{
    const direction_args a = {.x = x};
    return in_place ? rt_apply_in_place(&sgn_op, &a) : rt_apply(&sgn_op, &a);
}

/* ---- the angle ---- */

static rt_status angle_infer(rt_call *c)
{
    return rt_result(c, 0, c->in[0]->dims, rt__part_type(c->in[0]->dtype));
}

static rt_status angle_run(rt_call *c)
{
    return pairs_run(c, rt_exec_of(c)->kernels->angle_pairs);
}

/* dy i x / |x|^2, and 0 at 0. */
static void angle_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_tensor *x = c->in[0], *turned = rt_complex(rt_zeros_like(dy[0]), dy[0]), *r = length(x);
    dx[0] = rt_div(rt_mul(turned, rt_div(x, r)), r);
}

static const rt_op angle_op = {
    .name = "angle",
    RT_INTERNAL_ARGS(direction_args, COMPLEX_FIELDS),
    .infer = angle_infer,
    .run = angle_run,
    .backward = angle_backward,
    .saves_in = 1 << 0,
};

/* pi below 0, else 0; NaN stays NaN. */
static rt_tensor *real_angle(rt_tensor *x)
{
    if (rt__dtype_is_whole(x->dtype))
        x = rt_to(x, RT_F32);
    if (!x)
        return NULL;
    rt_tensor *below = rt_lt(x, rt_full(rt_shape(), 0, x->dtype));
    /* 0, but NaN where x is NaN, which is not within any distance from 0. */
    rt_tensor *zero = rt_hardshrink(x, .lambda = INFINITY);
    return rt_where(below, rt_full(rt_shape(), M_PI, x->dtype), zero);
}

rt_tensor *rt_angle(rt_tensor *x)
{
    if (!rt__takes("angle", x))
        return NULL;
    return rt__dtype_is_complex(x->dtype) ? rt_apply(&angle_op, &(direction_args){.x = x})
                                          : real_angle(x);
}

RT_COMPOSITE(angle, direction_args, DIRECTION_FIELDS, "y = the angle of x in the complex plane")
{
    return rt_angle(a->x);
}
