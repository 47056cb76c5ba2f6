/* The linear layer, as torch.nn.Linear. */
#include "common/base/error.h"
#include "worker/engine/nn/layers.h"
#include <math.h>

typedef struct linear {
    rt_module base;
    rt_tensor *weight; /* [out, in] */
    rt_tensor *bias;   /* [out] or NULL */
} linear;

static rt_tensor *linear_forward(rt_module *m, rt_tensor *x)
{
    const linear *l = (linear *)m;
    return rt_linear(x, l->weight, l->bias);
}

/* Initialised like PyTorch: kaiming_uniform(a = sqrt(5)) equals uniform(-1/sqrt(fan_in), 1/sqrt(fan_in)), and the bias has
 * the same bounds. */
rt_module *rt_nn_linear_(rt_nn_linear_args a)
{
    static const rt_module_type type = {"linear", sizeof(linear), linear_forward, NULL};
    linear *l = rt__layer_fits(RT_LAYER_linear, &a) ? rt_nn_new(&type) : NULL;
    if (!l)
        return NULL;
    double bound = 1 / sqrt((double)a.in);
    l->weight = rt_nn_param_uniform(&l->base, "weight", rt_shape(a.out, a.in), bound);
    if (a.bias)
        l->bias = rt_nn_param_uniform(&l->base, "bias", rt_shape(a.out), bound);
    return rt_failed() ? NULL : &l->base;
}

static rt_status linear_infer(void *args, rt_nn_sample *at)
{
    rt_nn_linear_args *a = args;
    if (at->dims.n < 1)
        return RT_FAIL(CONFIG, "needs an input of at least one dimension");
    a->in = at->dims.d[at->dims.n - 1];
    at->dims.d[at->dims.n - 1] = a->out;
    return RT_OK;
}

RT__LAYER(linear, linear_infer)
