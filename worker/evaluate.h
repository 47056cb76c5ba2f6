/* Evaluation over the test set, its chunks split over the ranks.
 *
 *     rt_evaluation e;
 *     RT_TRY(rt__evaluate(run, comm, rank, world, &e));    // collective; the same figures on all
 *     printf("%.2f %%\n", 100.0 * e.correct / e.count);
 *
 * Each image counts once for any number of ranks. Loss sums are kept per chunk and added in chunk
 * order on every rank, so the figures do not depend on the split. */
#ifndef RINGTORCH_WORKER_EVALUATE_H
#define RINGTORCH_WORKER_EVALUATE_H

#include "worker/commthread.h"
#include "worker/engine/train/run.h"

/* comm may be NULL in a world of one. */
rt_status rt__evaluate(rt_run *run, rt__commthread *comm, int rank, int world, rt_evaluation *out);

#endif
