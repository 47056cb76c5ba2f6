/* Numbers for sampling by rejection. A distribution takes one stream; each attempt for its elements draws from that stream with another
 * key, so that an element depends on its place alone and not on how many attempts others needed.
 *
 *     rt_rng r = rt__next_stream();
 *     for (int k = 0; rt__any(open); k++)
 *         ... rt__uniform_of(rt__attempt(r, k), shape) ... */
#ifndef RINGTORCH_WORKER_ENGINE_RANDOM_ATTEMPTS_H
#define RINGTORCH_WORKER_ENGINE_RANDOM_ATTEMPTS_H

#include "worker/engine/base/thread.h"
#include "worker/engine/ops/ops.h"

/* Returns where the numbers of an attempt begin; attempt 0 has the stream itself. */
rt_rng rt__attempt(rt_rng r, int k);
/* Return float32 numbers there: uniform in (0, 1], steps of 2^-24; standard normal. Nothing is recorded. */
rt_tensor *rt__uniform_of(rt_rng r, rt_dims shape);
rt_tensor *rt__normal_of(rt_rng r, rt_dims shape);
/* Returns float64 numbers uniform in (0, 1), odd multiples of 2^-49, made of those of the attempts 2 k and 2 k + 1. */
rt_tensor *rt__fine_uniform_of(rt_rng r, int k, rt_dims shape);
/* Writes the numbers of an attempt to y where they are accepted and y is open, and closes those places. */
void rt__keep_accepted(rt_tensor *y, rt_tensor *open, rt_tensor *numbers, rt_tensor *accepted);
/* Returns whether an element of a bool tensor is true; false after a failure. */
bool rt__any_true(rt_tensor *x);

#endif
