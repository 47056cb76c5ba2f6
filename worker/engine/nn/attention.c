/* Self-attention of several heads (Vaswani et al. 2017), with the parameters of torch.nn.MultiheadAttention, batch first. */
#include <math.h>
#include "common/error.h"
#include "worker/engine/nn/layers.h"
#include "worker/engine/tensor/tensor.h"

typedef struct attention {
    rt_module base;
    rt_tensor *weight,
        *bias; /* of queries, keys and values: [3 features, features], [3 features] or NULL */
    rt_module *out;
    rt_nn_attention_args a;
} attention;

/* Part i of the projections [n, places, 3, heads, size], as a matrix [places, size] for each head. */
static rt_tensor *part(rt_tensor *projected, int64_t i)
{
    return rt_transpose(rt_select(projected, 2, i), 1, 2);
}

static rt_tensor *attention_forward(rt_module *m, rt_tensor *x)
{
    const attention *t = (attention *)m;
    const rt_nn_attention_args *a = &t->a;
    if (x->dims.n != 3 || x->dims.d[2] != a->features)
        return RT_FAIL_NULL(SHAPE, "attention: x %s, expected [n, places, %lld]",
                            rt_dims_text(x->dims), (long long)a->features);
    int64_t n = x->dims.d[0], places = x->dims.d[1], size = a->features / a->heads;
    rt_tensor *p =
        rt_reshape(rt_linear(x, t->weight, t->bias), rt_shape(n, places, 3, a->heads, size));
    rt_tensor *y =
        rt_scaled_dot_product_attention(part(p, 0), part(p, 1), part(p, 2), .causal = a->causal,
                                        .dropout = m->training ? a->dropout : 0);
    return rt_forward(t->out, rt_reshape(rt_transpose(y, 1, 2), x->dims));
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
    static const rt_module_type type = {"attention", sizeof(attention), attention_forward, NULL};
    if (!rt__layer_fits(RT_LAYER_attention, &a))
        return NULL;
    if (check_heads(&a) != RT_OK) {
        rt_error_prefix("attention");
        return NULL;
    }
    attention *t = rt_nn_new(&type);
    if (!t)
        return NULL;
    t->a = a;
    double bound = sqrt(6 / (4 * (double)a.features)); /* xavier_uniform, as PyTorch's */
    t->weight =
        rt__nn_uniform(&t->base, "in_proj_weight", rt_shape(3 * a.features, a.features), bound);
    if (a.bias)
        t->bias = rt__nn_constant(&t->base, "in_proj_bias", rt_shape(3 * a.features), 0);
    const rt_module *like = rt__nn_like_child("out_proj");
    t->out =
        rt_nn_child(&t->base, "out_proj", rt_nn_linear(a.features, a.features, .bias = a.bias));
    rt__nn_like(like);
    return rt_failed() ? NULL : &t->base;
}

static rt_status attention_infer(void *args, rt__sample *at)
{
    rt_nn_attention_args *a = args;
    RT_TRY(rt__nn_check_sequence(at->dims));
    a->features = at->dims.d[1];
    return check_heads(a);
}

RT__LAYER(attention, attention_infer)
