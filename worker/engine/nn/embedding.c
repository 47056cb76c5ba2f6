/* The first layers for sequences of tokens: a learned row for each token (torch.nn.Embedding), and one for each
 * position. */
#include "common/base/error.h"
#include "worker/engine/nn/layers.h"
#include "worker/engine/tensor/tensor.h"

typedef struct table {
    rt_module base;
    rt_tensor *weight; /* [rows, features] */
} table;

static rt_module *new_table(const rt_module_type *type, rt_dims shape, double std)
{
    table *t = rt_nn_new(type);
    if (t)
        t->weight = rt_nn_param_normal(&t->base, "weight", shape, std);
    return t && t->weight ? &t->base : NULL;
}

/* ---- tokens ---- */

static rt_tensor *embedding_forward(rt_module *m, rt_tensor *x)
{
    return rt_embedding(((table *)m)->weight, x);
}

rt_module *rt_nn_embedding_(rt_nn_embedding_args a)
{
    static const rt_module_type type = {"embedding", sizeof(table), embedding_forward, NULL};
    return rt__layer_fits(RT_LAYER_embedding, &a)
               ? new_table(&type, rt_shape(a.tokens, a.out), a.std)
               : NULL;
}

static rt_status embedding_infer(void *args, rt_nn_sample *at)
{
    if (at->dims.n == RT_MAX_DIMS - 1)
        return RT_FAIL(CONFIG, "the input %s has too many axes", rt_dims_text(at->dims));
    const rt_nn_embedding_args *a = args;
    if (at->classes > a->tokens)
        return RT_FAIL(
            CONFIG,
            "tokens is %lld, expected at least %lld, the number of different tokens in the data",
            (long long)a->tokens, (long long)at->classes);
    at->dims.d[at->dims.n++] = a->out;
    at->dtype = RT_F32;
    at->classes = 0;
    return RT_OK;
}

RT__LAYER(embedding, embedding_infer)

/* ---- positions ---- */

static rt_tensor *positions_forward(rt_module *m, rt_tensor *x)
{
    rt_tensor *w = ((table *)m)->weight;
    int64_t places = x->dims.n > 1 ? x->dims.d[x->dims.n - 2] : 0;
    if (x->dims.n < 2 || places > w->dims.d[0] || x->dims.d[x->dims.n - 1] != w->dims.d[1])
        return RT_FAIL_NULL(SHAPE, "positions: x %s, expected [..., t, %lld] with t up to %lld",
                            rt_dims_text(x->dims), (long long)w->dims.d[1],
                            (long long)w->dims.d[0]);
    return rt_add(x, places == w->dims.d[0] ? w : rt_narrow(w, 0, 0, places));
}

rt_module *rt_nn_positions_(rt_nn_positions_args a)
{
    static const rt_module_type type = {"positions", sizeof(table), positions_forward, NULL};
    return rt__layer_fits(RT_LAYER_positions, &a)
               ? new_table(&type, rt_shape(a.places, a.features), a.std)
               : NULL;
}

static rt_status positions_infer(void *args, rt_nn_sample *at)
{
    rt_nn_positions_args *a = args;
    RT_TRY(rt__nn_check_sequence(at->dims));
    a->places = at->dims.d[0];
    a->features = at->dims.d[1];
    return RT_OK;
}

RT__LAYER(positions, positions_infer)
