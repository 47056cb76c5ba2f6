/* Multi-head self-attention (Vaswani et al. 2017), with the parameters of torch.nn.MultiheadAttention, batch first. */
#include "common/base/error.h"
#include "worker/engine/nn/layers.h"
#include "worker/engine/tensor/tensor.h"
#include <math.h>

typedef struct attention {
    rt_module base;
    rt_tensor *weight,
        /* projections to queries, keys and values: [3 features, features], [3 features] or NULL */
        *bias;
    rt_module *out;
    int64_t features, heads;
    bool causal, masked;
    double dropout;
} attention;

/* Returns part i of the projections [n, places, 3, heads, size], as a matrix [places, size] for each head. */
static rt_tensor *part(rt_tensor *projected, int64_t i)
{
    return rt_transpose(rt_select(projected, 2, i), 1, 2);
}

/* Returns which positions each position may attend to: bool [n, 1, places, places]. These are the real ones, and always itself,
 * so that no row is empty. */
static rt_tensor *seen(rt_tensor *mask, int64_t n, int64_t places)
{
    rt_tensor *there = rt__nn_present("attention", mask, n, places);
    if (!there)
        return NULL;
    rt_tensor *itself = rt_to_device(rt_eye(places), there->device);
    return rt_to(rt_maximum(rt_reshape(there, rt_shape(n, 1, 1, places)), itself), RT_BOOL);
}

static void attention_forward(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out,
                              int n_out)
{
    (void)n_out;
    const attention *t = (attention *)m;
    rt_tensor *x = in[0], *mask = n_in > 1 ? in[1] : NULL;
    if (x->dims.n != 3 || x->dims.d[2] != t->features) {
        RT_FAIL(SHAPE, "attention: x %s, expected [n, places, %lld]", rt_dims_text(x->dims),
                (long long)t->features);
        return;
    }
    if (t->masked && !mask) {
        RT_FAIL(ARG, "attention: was made with a mask, but got no second input");
        return;
    }
    int64_t n = x->dims.d[0], places = x->dims.d[1], size = t->features / t->heads;
    rt_tensor *p =
        rt_reshape(rt_linear(x, t->weight, t->bias), rt_shape(n, places, 3, t->heads, size));
    rt_tensor *y = rt_scaled_dot_product_attention(
        part(p, 0), part(p, 1), part(p, 2), .mask = t->masked ? seen(mask, n, places) : NULL,
        .causal = t->causal, .dropout = m->training ? t->dropout : 0);
    out[0] = rt_forward(t->out, rt_reshape(rt_transpose(y, 1, 2), x->dims));
}

static rt_status check_heads(const rt_nn_attention_args *a)
{
    return a->features % a->heads == 0
               ? RT_OK
               : RT_FAIL(CONFIG, "%lld heads do not divide the %lld features of the input",
                         (long long)a->heads, (long long)a->features);
}

rt_module *rt_nn_attention_(rt_nn_attention_args a)
{
    static const rt_module_type type = {"attention", sizeof(attention),
                                        .forward_all = attention_forward, .n_optional = 1};
    if (!rt__layer_fits(RT_LAYER_attention, &a))
        return NULL;
    if (check_heads(&a) != RT_OK) {
        rt_error_prefix("attention");
        return NULL;
    }
    attention *t = rt_nn_new(&type);
    if (!t)
        return NULL;
    t->features = a.features;
    t->heads = a.heads;
    t->causal = a.causal;
    t->masked = a.mask && a.mask[0];
    t->dropout = a.dropout;
    double bound = sqrt(6 / (4 * (double)a.features)); /* xavier_uniform, like PyTorch */
    t->weight = rt_nn_param_uniform(&t->base, "in_proj_weight",
                                    rt_shape(3 * a.features, a.features), bound);
    if (a.bias)
        t->bias = rt_nn_param_constant(&t->base, "in_proj_bias", rt_shape(3 * a.features), 0);
    const rt_module *like = rt__nn_like_child("out_proj");
    t->out =
        rt_nn_child(&t->base, "out_proj", rt_nn_linear(a.features, a.features, .bias = a.bias));
    rt__nn_like(like);
    return rt_failed() ? NULL : &t->base;
}

static rt_status attention_infer(void *args, rt_nn_sample *at)
{
    rt_nn_attention_args *a = args;
    RT_TRY(rt__nn_check_sequence(at->dims));
    a->features = at->dims.d[1];
    RT_TRY(check_heads(a));
    return rt__nn_connect_mask(at, a->mask, !a->causal);
}

RT__LAYER(attention, attention_infer)
