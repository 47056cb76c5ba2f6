/* Windows of a contiguous tensor, and the reverse: the gradients of views whose result is not a part along one axis.
 *
 *     rt_place at = {.dims = rt_shape(n), .stride = {n + 1}};      // the diagonal of an [n,n]
 *     rt_tensor *diagonal = rt__window(x, &at);                    // [n] a view of x
 *     rt_tensor *back = rt__unwindow(diagonal, x->dims, &at);      // [n,n] zeros beside the diagonal */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_VIEWS_WINDOW_H
#define RINGTORCH_WORKER_ENGINE_OPS_VIEWS_WINDOW_H

#include "worker/engine/ops/ops.h"

/* Where a window lies, in elements from a tensor's first one. */
typedef struct rt_place {
    rt_dims dims;
    int64_t stride[RT_MAX_DIMS], offset;
} rt_place;

/* Differentiable: returns that window of x, which is contiguous and has it. */
rt_tensor *rt__window(rt_tensor *x, const rt_place *at);
/* Differentiable: returns zeros of a shape, with the elements of `part` added in that window. */
rt_tensor *rt__unwindow(rt_tensor *part, rt_dims whole, const rt_place *at);
/* Returns whether no two elements of the window share memory; may return false for unusual strides although none do. */
bool rt__place_is_injective(const rt_place *at);

/* Computes the place of the diagonal of two axes in a tensor of that shape and strides; the new axis is the last one. Fails, naming
 * `what`, if there are no such axes. */
rt_status rt__diagonal_place(const char *what, rt_dims dims, const int64_t *stride, int64_t offset,
                             int64_t axis1, int64_t axis2, rt_place *out);

#endif
