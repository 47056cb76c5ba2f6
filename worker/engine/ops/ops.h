/* What operations share: broadcasting loops, sums back to a shape, and operations that only other
 * operations use.
 *
 *     rt_loop l;
 *     for (bool more = rt__loop_begin(&l, y->dims, in, 2); more; more = rt__loop_next(&l))
 *         e->kernels->add.f[RT_F32](e, p, &l.grid, l.at[0], l.at[1], (float *)y->data + l.done);
 */
#ifndef RINGTORCH_ENGINE_OPS_H
#define RINGTORCH_ENGINE_OPS_H

#include <ringtorch/ops.h>
#include "worker/engine/autograd/op.h"

enum { RT_OPERANDS = 3 };

/* What rows allow an axis to be that a function takes as an int: any that a tensor can have, from either end. */
#define RT_ANY_AXIS RT_WITHIN(-RT_MAX_DIMS, RT_MAX_DIMS - 1)

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

/* Copies x's value into y at the indices start, start + step, ... of an axis, as many as x has there; the other axes are equal, and y is
 * contiguous. */
rt_status rt__copy_to_part(rt_tensor *y, const rt_tensor *x, int axis, int64_t start, int64_t step);

/* 1 where a is above b, 1/2 where equal, else 0; no gradient. Defined by kernels/elementwise.def.
 */
rt_tensor *rt_above(rt_tensor *a, rt_tensor *b);
rt_tensor *rt_above_inplace(rt_tensor *a, rt_tensor *b);

/* Differentiable: y * (dy - sum(dy * y)) along the last axis, for y a softmax. */
rt_tensor *rt__softmax_grad(rt_tensor *y, rt_tensor *dy);

/* Differentiable: zeros of that shape, with src added at the index along the axis, in its order. */
rt_tensor *rt__scatter_add(rt_tensor *src, int axis, rt_tensor *index, rt_dims shape);

/* The operations that have a public name. */
#define OP(name) extern const rt_op rt__op_##name;
#include "worker/engine/ops/ops.def"
#undef OP

#endif
