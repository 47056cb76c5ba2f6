/* softmax(q k^T * scale + mask) v (Vaswani et al. 2017), for any number of matrices. Composed of other operations, whose gradients it
 * uses; the attention weights [..., t, s] are kept for them. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"
#include <math.h>

static rt_status check(const rt_attention_args *a)
{
    const rt_dims *q = &a->q->dims, *k = &a->k->dims, *v = &a->v->dims;
    bool fits = q->n >= 2 && k->n >= 2 && v->n >= 2 && q->d[q->n - 1] == k->d[k->n - 1] &&
                k->d[k->n - 2] == v->d[v->n - 2];
    if (!fits)
        return RT_FAIL(SHAPE,
                       "scaled_dot_product_attention: q %s, k %s and v %s: expected [..., t, d], "
                       "[..., s, d] and [..., s, e]",
                       rt_dims_text(*q), rt_dims_text(*k), rt_dims_text(*v));
    return RT_OK;
}

/* Returns bool [t, s]: whether position j of s is not later than position i of t. */
static rt_tensor *not_later(int64_t t, int64_t s)
{
    return rt_ge(rt_unsqueeze(rt_arange(0, (double)t, 1, RT_I64), 1),
                 rt_arange(0, (double)s, 1, RT_I64));
}

/* Applies a mask: a bool mask selects the positions that are visible; any other mask is added to the scores. */
static rt_tensor *masked(rt_tensor *scores, rt_tensor *mask)
{
    if (mask->dtype != RT_BOOL)
        return rt_add(scores, mask);
    return rt_where(mask, scores, rt_full(rt_shape(), -INFINITY, scores->dtype));
}

static void attention_compose(rt_call *c)
{
    const rt_attention_args *a = c->args;
    if (check(a) != RT_OK)
        return;
    int64_t d = a->q->dims.d[a->q->dims.n - 1];
    double scale = a->scale != RT_NOT_GIVEN ? a->scale : 1 / sqrt(d ? (double)d : 1);
    rt_tensor *scores = rt_matmul(rt_mul_scalar(a->q, scale), a->k, .transpose_b = true);
    if (a->mask && scores)
        scores = masked(scores, a->mask);
    if (a->causal && scores)
        scores = masked(scores, not_later(scores->dims.d[scores->dims.n - 2],
                                          scores->dims.d[scores->dims.n - 1]));
    rt_tensor *weights = rt_softmax(scores, -1);
    c->out[0] = rt_matmul(a->dropout > 0 ? rt_dropout(weights, a->dropout) : weights, a->v);
}

const rt_op rt__op_scaled_dot_product_attention = {
    .name = "scaled_dot_product_attention",
    .help = "y = softmax(q k^T * scale + mask) v",
    RT_ARGS(rt_attention_args, RT_ATTENTION_FIELDS),
    .compose = attention_compose,
};

rt_tensor *rt_scaled_dot_product_attention_(rt_attention_args a)
{
    return rt_apply(&rt__op_scaled_dot_product_attention, &a);
}
