/* Products of all elements of two tensors, summed over pairs of axes: a contraction in which those axes have one label. */
#include "common/base/error.h"
#include "worker/engine/ops/matmul/contract.h"
#include "worker/engine/ops/pointwise/composites.h"

/* The pairs of axes, counted from 0. */
typedef struct pairs {
    int n, a[RT_MAX_DIMS], b[RT_MAX_DIMS];
} pairs;

static rt_status find_pairs(const rt_tensordot_args *t, pairs *p)
{
    int na = t->a->dims.n, nb = t->b->dims.n;
    unsigned seen_a = 0, seen_b = 0;
    *p = (pairs){.n = t->axes_a.n};
    if (t->axes_a.n != t->axes_b.n)
        return RT_FAIL(
            ARG, "tensordot: axes_a and axes_b are lists of %d and %d axes, not of one length",
            t->axes_a.n, t->axes_b.n);
    if (t->axes_a.n == 0) {
        if (t->count > na || t->count > nb)
            return RT_FAIL(SHAPE, "tensordot: %s and %s have no %lld axes each to sum over",
                           rt_dims_text(t->a->dims), rt_dims_text(t->b->dims), (long long)t->count);
        p->n = (int)t->count;
        for (int i = 0; i < p->n; i++) {
            p->a[i] = na - p->n + i;
            p->b[i] = i;
        }
        return RT_OK;
    }
    for (int i = 0; i < p->n; i++) {
        p->a[i] = rt__axis("tensordot", t->axes_a.d[i], na);
        p->b[i] = p->a[i] < 0 ? -1 : rt__axis("tensordot", t->axes_b.d[i], nb);
        if (p->b[i] < 0)
            return rt_error_code();
        if (seen_a >> p->a[i] & 1 || seen_b >> p->b[i] & 1)
            return RT_FAIL(ARG, "tensordot: pair %d has an axis that an earlier one has", i);
        seen_a |= 1u << p->a[i];
        seen_b |= 1u << p->b[i];
    }
    return RT_OK;
}

static rt_status check_sizes(const rt_tensordot_args *t, const pairs *p)
{
    for (int i = 0; i < p->n; i++) {
        int64_t a = t->a->dims.d[p->a[i]], b = t->b->dims.d[p->b[i]];
        if (a != b && a != 1 && b != 1)
            return RT_FAIL(SHAPE,
                           "tensordot: %s and %s: sizes %lld and %lld of axes %d and %d differ",
                           rt_dims_text(t->a->dims), rt_dims_text(t->b->dims), (long long)a,
                           (long long)b, p->a[i], p->b[i]);
    }
    return RT_OK;
}

/* Axis i of a has label i, and axis k of b label 8 + k, or that of the axis it is summed with. */
RT_COMPOSITE(tensordot, rt_tensordot_args, RT_TENSORDOT_FIELDS,
             "y = products of a and b summed over pairs of axes")
{
    pairs p;
    if (find_pairs(a, &p) != RT_OK || check_sizes(a, &p) != RT_OK)
        return NULL;
    rt_labelled x[] = {{a->a, {0}}, {a->b, {0}}};
    int64_t size[2 * RT_MAX_DIMS];
    uint64_t keep = ~(uint64_t)0;
    for (int i = 0; i < RT_MAX_DIMS; i++) {
        x[0].label[i] = i;
        x[1].label[i] = RT_MAX_DIMS + i;
    }
    for (int i = 0; i < p.n; i++) {
        x[1].label[p.b[i]] = p.a[i];
        keep &= ~rt__label_bit(p.a[i]);
    }
    for (int i = 0; i < a->a->dims.n; i++)
        size[i] = a->a->dims.d[i];
    for (int i = 0; i < a->b->dims.n; i++) {
        int label = x[1].label[i];
        if (label >= RT_MAX_DIMS || size[label] == 1)
            size[label] = a->b->dims.d[i];
    }
    return rt__contract("tensordot", rt__drop_ones(x[0], size), rt__drop_ones(x[1], size), keep).x;
}
RT_CALLS(tensordot)
