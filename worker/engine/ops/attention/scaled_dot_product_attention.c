/* softmax(q k^T * scale + mask) v (Vaswani et al. 2017), for any number of matrices: checks, and groups of queries. attention.c computes
 * it. */
#include "worker/engine/ops/attention/attention.h"

#include "common/base/error.h"
#include "worker/engine/base/thread.h"
#include <math.h>

static int64_t size_of(const rt_tensor *x, int axis)
{
    return x->dims.d[x->dims.n + axis];
}

/* Fails unless q has a multiple of the heads of k and of v. */
static rt_status check_groups(const rt_attention_args *a)
{
    bool fits = a->q->dims.n >= 3 && a->k->dims.n >= 3 && a->v->dims.n >= 3;
    int64_t heads = fits ? size_of(a->q, -3) : 0;
    for (int i = 0; i < 2 && fits; i++) {
        int64_t shared = size_of(i ? a->v : a->k, -3);
        fits = shared > 0 && heads % shared == 0;
    }
    if (!fits)
        return RT_FAIL(SHAPE,
                       "scaled_dot_product_attention: q %s, k %s and v %s: grouped expects "
                       "[..., heads, t, d], and numbers of heads of k and v that divide q's",
                       rt_dims_text(a->q->dims), rt_dims_text(a->k->dims),
                       rt_dims_text(a->v->dims));
    return RT_OK;
}

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
    return a->grouped ? check_groups(a) : RT_OK;
}

/* ---- grouped queries ---- */

/* Gives x an axis of size 1 after the heads, along which it broadcasts over the queries of a group. */
static rt_tensor *for_group(rt_tensor *x)
{
    return x && x->dims.n >= 3 ? rt_unsqueeze(x, -3) : x;
}

static rt_tensor *repeated(rt_tensor *x, int64_t heads)
{
    return rt_repeat_interleave(x, .repeats = heads / size_of(x, -3), .axis = -3);
}

/* Splits the heads of q into [heads of k, group], to which k and v broadcast without a copy. If k and v differ in their heads, they are
 * repeated instead. Returns whether q was split. */
static bool split_groups(rt_attention_args *a)
{
    int64_t heads = size_of(a->q, -3), shared = size_of(a->k, -3);
    if (shared != size_of(a->v, -3)) {
        a->k = repeated(a->k, heads);
        a->v = repeated(a->v, heads);
        return false;
    }
    rt_dims split = rt_shape(shared, heads / shared);
    bool mask_has_heads = a->mask && a->mask->dims.n >= 3 && size_of(a->mask, -3) == heads;
    a->q = rt_unflatten(a->q, -3, split);
    a->k = for_group(a->k);
    a->v = for_group(a->v);
    a->mask = mask_has_heads ? rt_unflatten(a->mask, -3, split) : for_group(a->mask);
    return true;
}

/* ---- the operation ---- */

static rt_tensor *attention(const rt_attention_args *a)
{
    int64_t d = size_of(a->q, -1);
    bool keeps_bool = !a->mask || a->mask->dtype == RT_BOOL;
    rt_dtype computed = rt__is_half(a->q->dtype) ? RT_F32 : a->q->dtype;
    bool draws = a->dropout > 0 && a->dropout < 1;
    rt_attention_options options = {.causal = a->causal,
                                    .scale = a->scale != RT_NOT_GIVEN ? a->scale
                                                                      : 1 / sqrt(d ? (double)d : 1),
                                    .dropout = draws ? a->dropout : 0,
                                    .rng = draws ? rt__next_stream() : (rt_rng){0}};
    rt_tensor *y =
        rt__attention(a->q, a->k, a->v, keeps_bool ? a->mask : rt_to(a->mask, computed), options);
    return a->dropout == 1 ? rt_mul_scalar(y, 0) : y;
}

RT_COMPOSITE(scaled_dot_product_attention, rt_attention_args, RT_ATTENTION_FIELDS,
             "y = softmax(q k^T * scale + mask) v")
{
    rt_attention_args at = *a;
    if (check(a) != RT_OK)
        return NULL;
    bool split = a->grouped && split_groups(&at);
    if (rt_failed())
        return NULL;
    rt_tensor *y = attention(&at);
    return split ? rt_flatten(y, -4, -3) : y;
}

rt_tensor *rt_scaled_dot_product_attention_(rt_attention_args a)
{
    return rt_apply(&rt__op_scaled_dot_product_attention, &a);
}
