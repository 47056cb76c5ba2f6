/* What operations share: broadcasting loops, sums back to a shape, and operations that only other
 * operations use.
 *
 *     rt_loop l;
 *     for (bool more = rt__loop_begin(&l, y->dims, in, 2); more; more = rt__loop_next(&l))
 *         k->add.f[RT_F32](&l.grid, l.at[0], l.at[1], (float *)y->data + l.done);
 */
#ifndef RINGTORCH_ENGINE_OPS_H
#define RINGTORCH_ENGINE_OPS_H

#include <ringtorch/ops.h>
#include "worker/engine/autograd/op.h"

enum { RT_OPERANDS = 3 };

/* Walks a broadcast operation on strided operands as a series of grids with contiguous output. Axes
 * that run on are joined, so nearly always there is one grid. */
typedef struct rt_loop {
    rt_grid grid;
    const void *at[RT_OPERANDS]; /* operands of the present grid */
    int64_t done;                /* elements of the output before it */
    int n, nd;                   /* operands; axes outside the grid */
    int64_t dim[RT_MAX_DIMS], index[RT_MAX_DIMS], stride[RT_OPERANDS][RT_MAX_DIMS];
    size_t size[RT_OPERANDS];
} rt_loop;

/* Begins; false when there is nothing to do or a copy of an operand failed. An operand whose
 * elements lie apart along the innermost axis is copied first. dims: the output's, which all
 * operands broadcast to. */
bool rt__loop_begin(rt_loop *l, rt_dims dims, rt_tensor *const *in, int n);
bool rt__loop_next(rt_loop *l);

/* Differentiable: sums x over the axes along which `dims` was broadcast to x's shape. x itself if
 * the shapes are equal. */
rt_tensor *rt__sum_to(rt_tensor *x, rt_dims dims);

/* Differentiable: a tensor of zeros of shape dims with dy at [start, start + step * size) of an
 * axis; the transpose of rt_slice. */
rt_tensor *rt__unslice(rt_tensor *dy, rt_dims dims, int axis, int64_t start, int64_t step);

/* Differentiable: zeros of x's shape with src added at index, the transpose of rt_gather; in the
 * order of index. */
rt_tensor *rt__scatter_add(rt_tensor *src, rt_dims dims, int axis, rt_tensor *index);

/* 1 where a is above b, 1/2 where equal, else 0; no gradient. Defined by kernels/elementwise.def.
 */
rt_tensor *rt_above(rt_tensor *a, rt_tensor *b);

/* Differentiable: y * (dy - sum(dy * y)) along the last axis, for y a softmax. */
rt_tensor *rt__softmax_grad(rt_tensor *y, rt_tensor *dy);

#endif
