/* Copies and conversions, and views that only leave the history behind. */
#include "worker/engine/ops/ops.h"

#define WHOLE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")
typedef struct whole_args {
    RT_STRUCT(WHOLE_FIELDS)
} whole_args;

static rt_status convert_run(rt_call *c)
{
    return rt__convert_into(c->out[0], c->in[0]);
}

/* ---- clone ---- */

static void clone_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = dy[0];
}

const rt_op rt__op_clone = {
    .name = "clone",
    .help = "y = a copy of x",
    RT_ARGS(whole_args, WHOLE_FIELDS),
    .infer = rt__infer_like_first,
    .run = convert_run,
    .backward = clone_backward,
    .strided = true,
};

rt_tensor *rt_clone(rt_tensor *x)
{
    return rt_apply(&rt__op_clone, &(whole_args){x});
}

/* ---- contiguous ---- */

rt_tensor *rt_contiguous(rt_tensor *x)
{
    if (!rt__takes("contiguous", x))
        return NULL;
    return x->contiguous ? x : rt_clone(x);
}

static void contiguous_compose(rt_call *c)
{
    c->out[0] = rt_contiguous(c->in[0]);
}

const rt_op rt__op_contiguous = {
    .name = "contiguous",
    .help = "y = x itself if it is row-major and without gaps, else a copy that is",
    RT_ARGS(whole_args, WHOLE_FIELDS),
    .compose = contiguous_compose,
};

/* ---- to ---- */

#define TO_FIELDS(F)                                                                               \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DTYPE, dtype, RT_NEEDED, RT_ANY, "the element type of y")
typedef struct to_args {
    RT_STRUCT(TO_FIELDS)
} to_args;

static rt_status to_infer(rt_call *c)
{
    const to_args *a = c->args;
    return rt_result(c, 0, c->in[0]->dims, a->dtype);
}

/* Reached only between float types: nothing else wants a gradient or has a history. */
static void to_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_to(dy[0], c->in[0]->dtype);
}

const rt_op rt__op_to = {
    .name = "to",
    .help = "y = a copy of x as another element type",
    RT_ARGS(to_args, TO_FIELDS),
    .infer = to_infer,
    .run = convert_run,
    .backward = to_backward,
    .strided = true,
};

rt_tensor *rt_to(rt_tensor *x, rt_dtype dtype)
{
    if (!rt__takes("to", x))
        return NULL;
    return x->dtype == dtype ? x : rt_apply(&rt__op_to, &(to_args){x, dtype});
}

/* ---- detach ---- */

static rt_status detach_infer(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    return rt_window(c, x->dims, x->stride, 0);
}

const rt_op rt__op_detach = {
    .name = "detach",
    .help = "y = x without history and gradient; shares its memory",
    RT_ARGS(whole_args, WHOLE_FIELDS),
    .infer = detach_infer,
};

rt_tensor *rt_detach(rt_tensor *x)
{
    return rt_apply(&rt__op_detach, &(whole_args){x});
}
