/* Products of tensors whose axes have labels, summed over some of them: what tensordot and einsum are made of.
 *
 *     rt_labelled a = {x, {B, I, J}}, b = {y, {B, J, K}};
 *     rt_labelled c = rt__contract("einsum", a, b, bit(B) | bit(I) | bit(K));     // labels B, I, K: a batch of products
 *     rt_tensor *z = rt__by_labels(c, (int[]){K, I, B}, 3);
 *
 * Labels are numbers below 64; no tensor has one twice, and the axes that share one have one size (rt__drop_ones). After a failure the
 * tensors are NULL. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_MATMUL_CONTRACT_H
#define RINGTORCH_WORKER_ENGINE_OPS_MATMUL_CONTRACT_H

#include "worker/engine/ops/ops.h"

typedef struct rt_labelled {
    rt_tensor *x;
    int label[RT_MAX_DIMS]; /* of each axis */
} rt_labelled;

static inline uint64_t rt__label_bit(int label)
{
    return (uint64_t)1 << label;
}

/* Returns the set of x's labels; none for NULL. */
uint64_t rt__labels_of(const rt_labelled *x);
/* Drops the axes of size 1 whose labels have another size, given by label, in other tensors: they broadcast. */
rt_labelled rt__drop_ones(rt_labelled x, const int64_t *size);
/* Returns x summed over the axes whose labels are not in `keep`, in its own type or in that of rt_sum. */
rt_labelled rt__sum_labels(rt_labelled x, uint64_t keep, bool own_type);
/* Returns the products of a and b summed over the labels that are not in `keep`. Labels that only one of them has are summed first. The
 * axes of the result are those that both have, then the others of a, then those of b. */
rt_labelled rt__contract(const char *what, rt_labelled a, rt_labelled b, uint64_t keep);
/* Returns a view with the axes in the order of n labels, which are all that x has. */
rt_tensor *rt__by_labels(rt_labelled x, const int *label, int n);

#endif
