/* Copies and conversions, and views that only leave the history behind. */
#include "common/error.h"
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

/* Nothing is copied before x or y is written. */
static rt_status clone_run(rt_call *c)
{
    return c->out[0]->storage == c->in[0]->storage ? RT_OK : convert_run(c);
}

const rt_op rt__op_clone = {
    .name = "clone",
    .help = "y = a copy of x",
    RT_ARGS(whole_args, WHOLE_FIELDS),
    .infer = rt__infer_like_first,
    .run = clone_run,
    .shares = true,
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

/* ---- to_device ---- */

typedef struct to_device_args {
    RT_STRUCT(WHOLE_FIELDS)
    rt_gpu *gpu; /* NULL: the CPU */
} to_device_args;

static rt_status to_device_infer(rt_call *c)
{
    rt__results_on(c, ((const to_device_args *)c->args)->gpu);
    return rt_result_like(c, 0, c->in[0]);
}

static rt_status to_device_run(rt_call *c)
{
    rt__copy(c->out[0], c->in[0]);
    return rt_error_code();
}

static void to_device_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_to_device(dy[0], c->in[0]->device);
}

static const rt_op to_device_op = {
    .name = "to_device",
    RT_INTERNAL_ARGS(to_device_args, WHOLE_FIELDS),
    .infer = to_device_infer,
    .run = to_device_run,
    .backward = to_device_backward,
    .strided = true,
};

rt_tensor *rt_to_device(rt_tensor *x, rt_device device)
{
    if (!rt__takes("to_device", x))
        return NULL;
    if (x->device.kind == device.kind && x->device.index == device.index)
        return x;
    rt_gpu *gpu = device.kind == RT_CPU ? NULL : rt_gpu_open(device);
    if (device.kind != RT_CPU && !gpu)
        return NULL;
    if (device.kind == RT_CPU && device.index != 0)
        return RT_FAIL_NULL(DEVICE, "to_device: cpu:%d: there is one CPU, \"cpu\"", device.index);
    return rt_apply(&to_device_op, &(to_device_args){x, gpu});
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
