/* The 2-d convolution layer, as torch.nn.Conv2d. */
#include "common/base/error.h"
#include "worker/engine/nn/layers.h"
#include <math.h>

typedef struct conv2d {
    rt_module base;
    rt_tensor *weight; /* [out, in/groups, kernel, kernel_w] */
    rt_tensor *bias;   /* [out] or NULL */
    rt_nn_conv2d_args a;
} conv2d;

static rt_tensor *conv2d_forward(rt_module *m, rt_tensor *x)
{
    const conv2d *c = (conv2d *)m;
    const rt_nn_conv2d_args *a = &c->a;
    bool same = a->padding == RT_NN_SAME;
    int64_t padding = same ? 0 : a->padding;
    return rt_conv2d(x, c->weight, .bias = c->bias, .stride = {a->stride, a->stride},
                     .padding = {padding, padding}, .dilation = {a->dilation, a->dilation},
                     .groups = a->groups, .same = same);
}

static rt_status check(const rt_nn_conv2d_args *a)
{
    if (a->in % a->groups != 0 || a->out % a->groups != 0)
        return RT_FAIL(ARG, "conv2d: %lld groups do not divide %lld inputs and %lld outputs",
                       (long long)a->groups, (long long)a->in, (long long)a->out);
    if (a->padding == RT_NN_SAME && a->stride > 1)
        return RT_FAIL(ARG, "conv2d: padding \"same\" needs stride 1, not %lld",
                       (long long)a->stride);
    return RT_OK;
}

/* Initialised like linear. */
rt_module *rt_nn_conv2d_(rt_nn_conv2d_args a)
{
    static const rt_module_type type = {"conv2d", sizeof(conv2d), conv2d_forward, NULL};
    if (a.kernel_w == RT_AUTO)
        a.kernel_w = a.kernel;
    if (!rt__layer_fits(RT_LAYER_conv2d, &a) || check(&a) != RT_OK)
        return NULL;
    conv2d *c = rt_nn_new(&type);
    if (!c)
        return NULL;
    c->a = a;
    rt_dims shape = rt_shape(a.out, a.in / a.groups, a.kernel, a.kernel_w);
    double fan_in = (double)shape.d[1] * (double)shape.d[2] * (double)shape.d[3],
           bound = 1 / sqrt(fan_in);
    c->weight = rt_nn_param_uniform(&c->base, "weight", shape, bound);
    if (a.bias)
        c->bias = rt_nn_param_uniform(&c->base, "bias", rt_shape(a.out), bound);
    return rt_failed() ? NULL : &c->base;
}

static rt_status conv2d_infer(void *args, rt_nn_sample *at)
{
    rt_nn_conv2d_args *a = args;
    /* with "same" padding the output size does not depend on the window */
    bool same = a->padding == RT_NN_SAME;
    rt__window w = {.height = same ? 1 : a->kernel,
                    .width = same                     ? 1
                             : a->kernel_w == RT_AUTO ? a->kernel
                                                      : a->kernel_w,
                    .stride = a->stride,
                    .padding = same ? 0 : a->padding,
                    .dilation = a->dilation};
    RT_TRY(rt__nn_slide(&w, &at->dims));
    a->in = at->dims.d[0];
    at->dims.d[0] = a->out;
    return RT_OK;
}

RT__LAYER(conv2d, conv2d_infer)
