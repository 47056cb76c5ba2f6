/* Computes the slices of a step in lock-step, for nets in which a layer exchanges values between slices (<ringtorch/exchange.h>).
 *
 *     RT_TRY(rt__lockstep_new(run, &l));
 *     RT_TRY(rt__lockstep_compute(l, step, mine));          // instead of one slice after the other
 *     const rt__place *p = rt__lockstep_place(l, slice);    // its gradients and scalars
 *     rt__lockstep_free(l);
 *
 * Each slice is a fiber that runs until it makes a request. When all slices have, their requests are answered together with those of other
 * processes, and all continue. So the activations of all local slices are in memory at once, with a gradient buffer for each; the
 * arithmetic of a slice and the sum of gradients are the same as without lock-step. When one slice fails, the others find the thread failed
 * and end. */
#ifndef RINGTORCH_WORKER_ENGINE_TRAIN_LOCKSTEP_H
#define RINGTORCH_WORKER_ENGINE_TRAIN_LOCKSTEP_H

#include "worker/engine/train/run_inside.h"

rt_status rt__lockstep_new(rt_run *r, rt__lockstep **out);
/* l may be NULL. */
void rt__lockstep_free(rt__lockstep *l);
/* Sets the processes that have the other slices; NULL: none. Borrowed. */
void rt__lockstep_set_peers(rt__lockstep *l, const rt_peers *peers);
/* Computes this process's slices of a step. Collective. */
rt_status rt__lockstep_compute(rt__lockstep *l, int64_t step, rt_range slices);
/* Returns the gradients and scalars of a slice of the last computed step. */
const rt__place *rt__lockstep_place(const rt__lockstep *l, int64_t slice);
/* Records the phase of the running slice. */
void rt__lockstep_set_phase(rt__lockstep *l, rt_phase phase);

#endif
