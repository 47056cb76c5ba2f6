/* The layer that flattens all axes but the first. */
#include "common/base/error.h"
#include "worker/engine/nn/layers.h"

static rt_tensor *flatten_forward(rt_module *m, rt_tensor *x)
{
    (void)m;
    return rt_flatten(x, 1, -1);
}

rt_module *rt_nn_flatten(void)
{
    static const rt_module_type type = {"flatten", sizeof(rt_module), flatten_forward, NULL};
    return rt_nn_new(&type);
}

static rt_status flatten_infer(void *args, rt_nn_sample *at)
{
    (void)args;
    int64_t numel = 1;
    for (int i = 0; i < at->dims.n; i++)
        if (__builtin_mul_overflow(numel, at->dims.d[i], &numel))
            return RT_FAIL(CONFIG, "the input %s has too many elements", rt_dims_text(at->dims));
    at->dims = rt_shape(numel);
    return RT_OK;
}

RT__PLAIN_LAYER(flatten, flatten_infer)
