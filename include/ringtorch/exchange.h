/* Values of the other slices of a step, for operations and layers that need them in the middle of
 * forward or backward, such as statistics over a whole batch (rt_nn_sync_batch_norm).
 *
 *     double sums[2] = {12, 4};                          // the sum of my samples, and their number
 *     if (rt_exchange_sum(sums, 2, RT_F64) != RT_OK)     // waits for all slices, on all workers
 *         return rt_shutdown();
 *     printf("mean %g\n", sums[0] / sums[1]);            // mean 3
 *
 * A training step is divided into slices (parallel.slices). If a layer of the net exchanges values
 * (RT_LAYER_EXCHANGES in layers.def), the slices run in lock-step: each one runs until it asks for an
 * exchange, and when all have asked, all are answered. The result is the same in all slices, bit for bit,
 * for any number of workers. All slices must therefore ask for the same exchanges in the same order,
 * whatever their samples are; a step in which they detectably do not fails. Outside of training steps,
 * and in steps of one slice, there is one slice, which is answered immediately.
 *
 * Lifetime: all buffers are the caller's, in host memory, and are used only during the call. Keep what
 * you exchange small compared to a layer's values: every worker receives a sum from every worker. */
#ifndef RINGTORCH_EXCHANGE_H
#define RINGTORCH_EXCHANGE_H

#include <ringtorch/dtype.h>
#include <ringtorch/export.h>
#include <ringtorch/status.h>
#include <stdint.h>

RT_BEGIN_DECLS

/* Returns the number of slices that take part in an exchange; 1 if there are no others. */
RT_API int64_t rt_exchange_slices(void);
/* Returns the index of this slice. */
RT_API int64_t rt_exchange_slice(void);
/* Replaces x [n] by its sum over all slices, added in the order of their tree (docs/NUMERICS.md)
 * and in the given type, RT_F32 or RT_F64. */
RT_API rt_status rt_exchange_sum(void *x, int64_t n, rt_dtype dtype);
/* Fills all [slices][bytes] with what each slice passes as `mine` [bytes], in the order of slices. */
RT_API rt_status rt_exchange_gather(const void *mine, void *all, int64_t bytes);
/* Sends block i of `to` [slices][bytes] to slice i, and fills `from` [slices][bytes] with the
 * blocks that the slices send to this one, in the order of slices. */
RT_API rt_status rt_exchange_all_to_all(const void *to, void *from, int64_t bytes);

RT_END_DECLS

#endif
