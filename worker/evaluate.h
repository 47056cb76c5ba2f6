/* Evaluates over the test set, with its chunks split over the ranks.
 *
 *     rt_evaluation e;
 *     RT_TRY(rt__evaluate(run, comm, rank, world, &e));    // collective; the same figures on all ranks
 *     printf("loss %g\n", rt_metrics_get(&e.metrics, "loss"));
 *
 * Each sample counts once, whatever the number of ranks. Sums are kept per chunk and added in chunk order on every
 * rank, so the figures do not depend on the split. */
#ifndef RINGTORCH_WORKER_EVALUATE_H
#define RINGTORCH_WORKER_EVALUATE_H

#include "worker/commthread.h"
#include "worker/engine/train/run.h"

/* `comm` may be NULL in a world of one. */
rt_status rt__evaluate(rt_run *run, rt__commthread *comm, int rank, int world, rt_evaluation *out);

#endif
