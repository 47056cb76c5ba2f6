/* What the normalisations of channels share: x is [n, channels, ...], and each statistic and parameter has one number per
 * channel.
 *
 *     rt_tensor *m[2];                                                 // mean and variance of each channel
 *     if (rt__channels_check(c) == RT_OK && rt__channel_moments(x, m) == RT_OK)
 *         y = rt__channels_normalize(x, m[0], m[1], weight, bias, eps); */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_NORM_CHANNELS_H
#define RINGTORCH_WORKER_ENGINE_OPS_NORM_CHANNELS_H

#include "worker/engine/ops/ops.h"

/* Compose: checks x, the first input, and the per-channel inputs that follow it, using the names that users give them. */
rt_status rt__channels_check(const rt_call *c);
/* Differentiable: mean and variance of each channel, the latter without correction. */
rt_status rt__channel_moments(rt_tensor *x, rt_tensor *moments[2]);
/* The same over x of all slices of the step (<ringtorch/exchange.h>); *count gets the number of values per channel there. */
rt_status rt__whole_moments(rt_tensor *x, rt_tensor *moments[2], int64_t *count);
/* Differentiable: (x - mean) / sqrt(var + eps) * weight + bias; a NULL weight counts as 1, a NULL bias as 0. */
rt_tensor *rt__channels_normalize(rt_tensor *x, rt_tensor *mean, rt_tensor *var, rt_tensor *weight,
                                  rt_tensor *bias, double eps);

/* Differentiable: the same with the mean and variance of each group of channels of each sample, to which moments [n * groups] are set. groups
 * divides the channels. */
rt_tensor *rt__groups_normalize(rt_tensor *x, rt_tensor *weight, rt_tensor *bias, int64_t groups,
                                double eps, rt_tensor *moments[2]);

/* Differentiable, for x [n, channels, ...]: (x - m) * a + b, where m and b may be NULL, and the sum of (x - m) * y. */
rt_tensor *rt__channel_affine(rt_tensor *x, rt_tensor *m, rt_tensor *a, rt_tensor *b);
rt_tensor *rt__channel_dot(rt_tensor *x, rt_tensor *m, rt_tensor *y);

#endif
