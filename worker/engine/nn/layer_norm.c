/* Layer norm over the last axis, as torch.nn.LayerNorm. */
#include "common/base/error.h"
#include "worker/engine/nn/layers.h"

typedef struct layer_norm {
    rt_module base;
    rt_tensor *weight, *bias; /* [features]; bias may be NULL */
    double eps;
} layer_norm;

static rt_tensor *layer_norm_forward(rt_module *m, rt_tensor *x)
{
    const layer_norm *l = (layer_norm *)m;
    return rt_layer_norm(x, l->weight, l->bias, .eps = l->eps);
}

rt_module *rt_nn_layer_norm_(rt_nn_layer_norm_args a)
{
    static const rt_module_type type = {"layer_norm", sizeof(layer_norm), layer_norm_forward, NULL};
    layer_norm *l = rt__layer_fits(RT_LAYER_layer_norm, &a) ? rt_nn_new(&type) : NULL;
    if (!l)
        return NULL;
    l->eps = a.eps;
    l->weight = rt_nn_param_constant(&l->base, "weight", rt_shape(a.features), 1);
    if (a.bias)
        l->bias = rt_nn_param_constant(&l->base, "bias", rt_shape(a.features), 0);
    return rt_failed() ? NULL : &l->base;
}

static rt_status layer_norm_infer(void *args, rt_nn_sample *at)
{
    if (at->dims.n < 1)
        return RT_FAIL(CONFIG, "needs an input of at least one dimension");
    ((rt_nn_layer_norm_args *)args)->features = at->dims.d[at->dims.n - 1];
    return RT_OK;
}

RT__LAYER(layer_norm, layer_norm_infer)
