/* What a net is trained for: a row of common/tasks.def and, in a file of its own here, what that means.
 *
 *     double sums[...] = {0};
 *     RT_TRY(task->score(outputs, &batch, sums));          // of each chunk of the test set
 *     ... sums of all chunks, added in the order of chunks ...
 *     task->tell(sums, samples, &metrics);                 // loss and the rest, by name
 *
 * A score is sums over samples, so that any split of the test set over ranks gives the same values. */
#ifndef RINGTORCH_ENGINE_TASKS_TASK_H
#define RINGTORCH_ENGINE_TASKS_TASK_H

#include <ringtorch/data.h>
#include <ringtorch/ops.h>
#include "common/metrics.h"

typedef struct rt__task {
    const char *name; /* as in common/tasks.def */
    int sums;         /* that a score has */
    /* Fills sums[] from the net's outputs [n, ...] for the samples of a batch. */
    rt_status (*score)(rt_tensor *outputs, const rt_batch *batch, double *sums);
    /* Makes the values of an evaluation from sums over all samples: the loss first. */
    void (*tell)(const double *sums, int64_t samples, rt_metrics *out);
} rt__task;

extern const rt__task rt__task_classification;

#endif
