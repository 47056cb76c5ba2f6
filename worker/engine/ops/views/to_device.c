/* A copy on another device, or the tensor itself if it is already there. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define TO_DEVICE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")
typedef struct RT_DESIGNATED to_device_args {
    RT_STRUCT(TO_DEVICE_FIELDS)
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
    RT_INTERNAL_ARGS(to_device_args, TO_DEVICE_FIELDS),
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
    return rt_apply(&to_device_op, &(to_device_args){.x = x, .gpu = gpu});
}
