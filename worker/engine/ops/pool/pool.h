/* What poolings share: the geometry of their windows.
 *
 *     RT_TRY(rt__pool_windows("max_pool1d", x, &(rt_windows){RT_STEPS(1, &)}, shape, &dims));
 *     e->kernels->max_pool[x->dtype](e, shape, x->data, y->data, at->data); */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_POOL_POOL_H
#define RINGTORCH_WORKER_ENGINE_OPS_POOL_POOL_H

#include "worker/engine/ops/ops.h"

/* Windows over the last axes, as arguments state them: a number for each of these axes. */
typedef struct rt_windows {
    int axes;
    const int64_t *kernel, *stride;    /* a stride may be RT_NOT_GIVEN: the kernel */
    const int64_t *padding, *dilation; /* NULL: 0 and 1 */
    bool ceil_mode;
} rt_windows;

/* The members that arguments a of every pooling have. `first` is & where an axis has one number, not an array. */
#define RT_STEPS(count, first) .axes = (count), .kernel = first a->kernel, .stride = first a->stride

/* Each fills the shape and computes the dimensions of the result; fails, naming `what`, if x is not [n, c, ...] or [c, ...] with so many
 * axes, none of them empty. */

/* Of windows of one size: at least one, each with an element of x. */
rt_status rt__pool_windows(const char *what, const rt_tensor *x, const rt_windows *w,
                           rt_pool_shape *s, rt_dims *dims);
/* Of size[i] windows that cover an axis, or of as many as it has elements if that is -1. */
rt_status rt__pool_adaptive(const char *what, const rt_tensor *x, int axes, const int64_t *size,
                            rt_pool_shape *s, rt_dims *dims);
/* Of windows of 1: the input alone. */
rt_status rt__pool_input(const char *what, const rt_tensor *x, int axes, rt_pool_shape *s);

/* Differentiable: returns the mean of each window of x. divisor: what sums are divided by instead, or RT_NOT_GIVEN. NULL for NULL. */
rt_tensor *rt__pool_mean(const char *what, rt_tensor *x, const rt_windows *w,
                         bool count_include_pad, int64_t divisor);

#endif
