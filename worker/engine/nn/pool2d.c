/* Pooling over square windows, as torch.nn.MaxPool2d and AvgPool2d. */
#include "common/base/designated.h"
#include "common/base/error.h"
#include "worker/engine/nn/layers.h"

/* Both poolings have the same argument fields. */
typedef struct RT_DESIGNATED window_args {
    RT_STRUCT(RT_NN_POOL2D_FIELDS)
} window_args;

typedef struct pool2d {
    rt_module base;
    window_args a;
} pool2d;

static rt_module *new_pool(const rt_module_type *type, rt_layer_id id, window_args a)
{
    if (!rt__layer_fits(id, &a))
        return NULL;
    if (a.padding > a.kernel / 2)
        return RT_FAIL_NULL(ARG, "%s: padding is %lld, expected at most half of the kernel, %lld",
                            type->name, (long long)a.padding, (long long)a.kernel);
    pool2d *p = rt_nn_new(type);
    if (!p)
        return NULL;
    p->a = a;
    return &p->base;
}

static rt_status infer(const window_args *a, rt_nn_sample *at)
{
    rt__window w = {.height = a->kernel,
                    .width = a->kernel,
                    .stride = a->stride == RT_AUTO ? a->kernel : a->stride,
                    .padding = a->padding,
                    .dilation = 1};
    return rt__nn_slide(&w, &at->dims);
}

static rt_tensor *max_pool2d_forward(rt_module *m, rt_tensor *x)
{
    const window_args *a = &((const pool2d *)m)->a;
    return rt_max_pool2d(x, {a->kernel, a->kernel}, {a->stride, a->stride},
                         {a->padding, a->padding});
}

rt_module *rt_nn_max_pool2d_(rt_nn_max_pool2d_args a)
{
    static const rt_module_type type = {"max_pool2d", sizeof(pool2d), max_pool2d_forward, NULL};
    return new_pool(&type, RT_LAYER_max_pool2d,
                    (window_args){.kernel = a.kernel, .stride = a.stride, .padding = a.padding});
}

static rt_status max_pool2d_infer(void *args, rt_nn_sample *at)
{
    const rt_nn_max_pool2d_args *a = args;
    return infer(&(window_args){.kernel = a->kernel, .stride = a->stride, .padding = a->padding},
                 at);
}

RT__LAYER(max_pool2d, max_pool2d_infer)

static rt_tensor *avg_pool2d_forward(rt_module *m, rt_tensor *x)
{
    const window_args *a = &((const pool2d *)m)->a;
    return rt_avg_pool2d(x, {a->kernel, a->kernel}, {a->stride, a->stride},
                         {a->padding, a->padding});
}

rt_module *rt_nn_avg_pool2d_(rt_nn_avg_pool2d_args a)
{
    static const rt_module_type type = {"avg_pool2d", sizeof(pool2d), avg_pool2d_forward, NULL};
    return new_pool(&type, RT_LAYER_avg_pool2d,
                    (window_args){.kernel = a.kernel, .stride = a.stride, .padding = a.padding});
}

static rt_status avg_pool2d_infer(void *args, rt_nn_sample *at)
{
    const rt_nn_avg_pool2d_args *a = args;
    return infer(&(window_args){.kernel = a->kernel, .stride = a->stride, .padding = a->padding},
                 at);
}

RT__LAYER(avg_pool2d, avg_pool2d_infer)
