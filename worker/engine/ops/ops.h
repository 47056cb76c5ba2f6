/* What operations share: grids over broadcast operands, sums back to a shape, and operations that only other operations
 * use.
 *
 *     rt_grid g;
 *     if (rt__grid(&g, y, c->in, 2))
 *         e->kernels->add.f[RT_F32](e, p, &g, c->in[0]->data, c->in[1]->data, y->data);
 */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_OPS_H
#define RINGTORCH_WORKER_ENGINE_OPS_OPS_H

#include "worker/engine/autograd/op.h"
#include <ringtorch/ops.h>

/* The range of an axis in rows of functions that take it as an int: any axis that a tensor can have, counted from either
 * end. */
#define RT_ANY_AXIS RT_WITHIN(-RT_MAX_DIMS, RT_MAX_DIMS - 1)
/* The range of the number of a diagonal: beyond every tensor's, and sums with sizes do not overflow. */
#define RT_ANY_DIAGONAL RT_WITHIN(-0x1p62, 0x1p62)

/* rt__ops_check returns what rt__ops_register would. rt__ops_register registers all operations of a NULL-terminated
 * list, or none. ops may be NULL. */
rt_status rt__ops_check(const rt_op *const *ops);
rt_status rt__ops_register(const rt_op *const *ops);

/* Describes n operands of any strides that broadcast to y, which is contiguous. Returns false if y has no elements. */
bool rt__grid(rt_grid *g, const rt_tensor *y, rt_tensor *const *in, int n);
/* The same over axes `dims`, none of size 0. An operand must broadcast to `dims`, or may be longer where `dims` is 1:
 * that axis is then left out. */
void rt__grid_over(rt_grid *g, const rt_dims *dims, rt_tensor *const *in, int n);

/* Differentiable: sums x over the axes along which `dims` was broadcast to x's shape. Returns x itself if the shapes are
 * equal. */
rt_tensor *rt__sum_to(rt_tensor *x, rt_dims dims);

/* Returns the element of x, a whole number; 0 if the error slot is filled, as it is if memory ran out on the way to x. */
static inline int64_t rt__whole_item(rt_tensor *x)
{
    int64_t item = 0;
    rt_tensor *whole = rt_to(x, RT_I64);
    if (whole && whole->numel == 1)
        rt_copy_out(whole, &item);
    return item;
}

/* Returns x, in float32 if it has 16 bits per element: for composites that compute in float32 as a whole, and round once. NULL stays
 * NULL. */
static inline rt_tensor *rt__widened(rt_tensor *x)
{
    return x && rt__is_half(x->dtype) ? rt_to(x, RT_F32) : x;
}

/* 1 where a > b, 1/2 where equal, else 0; no gradient. Defined by kernels/elementwise.def.
 */
rt_tensor *rt_above(rt_tensor *a, rt_tensor *b);
rt_tensor *rt_above_inplace(rt_tensor *a, rt_tensor *b);

/* Differentiable: x / |x|, and 0 for 0, for complex numbers; in_place: in the place of x, which is returned. */
rt_tensor *rt__direction(rt_tensor *x, bool in_place);

/* Differentiable: y * (dy - sum(dy * y)) along the last axis, for y a softmax. */
rt_tensor *rt__softmax_grad(rt_tensor *y, rt_tensor *dy);

/* Returns what dropout multiplies tensors like x by, drawn with that key: 0 with probability p < 1, else 1 / (1 - p). */
rt_tensor *rt__dropout_mask(rt_tensor *x, double p, rt_rng rng);

/* Returns the places of the true elements of a mask (bool) among all of its elements, counted in row-major order from 0: int64 [count].
 * Its shape depends on values, so it may be called in compose, in backward and in functions, but not in run, which gets its results
 * made. What is selected by a mask is then a differentiable gather of the flattened tensor at these places. */
rt_tensor *rt__places(rt_tensor *mask);

/* Differentiable: returns zeros of that shape, with src's elements added at the index along the axis, in src's order. */
rt_tensor *rt__scatter_add(rt_tensor *src, int axis, rt_tensor *index, rt_dims shape);

#endif
