/* An axis of another size, made of its elements, and the reverse. Both are differentiable without limit.
 *
 *     rt_tensor *y = rt__resample(x, 2, 3, 2, (int64_t[]){0, 1, 1, 2, 2, 3}, (double[]){.5, .5, .5, .5, .5, .5});   // [n,c,3]
 *     rt_tensor *twice = rt__resample(x, 2, 8, 1, (int64_t[]){0, 0, 1, 1, 2, 2, 3, 3}, NULL);                       // [n,c,8] */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_RESIZE_RESAMPLE_H
#define RINGTORCH_WORKER_ENGINE_OPS_RESIZE_RESAMPLE_H

#include "worker/engine/ops/ops.h"

/* Returns x with an axis of that size: element o along it is the sum over t < taps of w[o * taps + t] times element
 * at[o * taps + t] of x. w NULL: all are 1. Types other than floats have one tap and no weights. */
rt_tensor *rt__resample(rt_tensor *x, int axis, int64_t size, int taps, const int64_t *at,
                        const double *w);
/* Returns zeros with an axis of that size, to which each element i of x along it is added at at[i]. */
rt_tensor *rt__resample_add(rt_tensor *x, int axis, int64_t size, const int64_t *at);

#endif
