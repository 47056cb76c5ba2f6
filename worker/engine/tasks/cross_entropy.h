/* Cross-entropy over rows of which some count less than others, or not at all: what classification and language models share. */
#ifndef RINGTORCH_ENGINE_TASKS_CROSS_ENTROPY_H
#define RINGTORCH_ENGINE_TASKS_CROSS_ENTROPY_H

#include "worker/engine/tasks/task.h"

typedef struct rt__rows {
    rt_tensor *outputs;        /* [n, classes] */
    rt_tensor *labels;         /* int64 [n] */
    rt_tensor *mask;           /* float32 [n], what each row counts; NULL: all the same */
    int64_t ignore;            /* label of rows that count nothing; -1: none */
    const float *class_weight; /* [classes]; NULL: all the same */
    double smoothing;
} rt__rows;

/* Returns the sum of the losses of the rows, each times what it counts; *weight: the sum of what they count. */
rt_tensor *rt__rows_loss(const rt__rows *r, double *weight);
/* Returns what row i counts without its class's weight: 0, 1 or what the mask says. */
double rt__row_counts(const rt__rows *r, int64_t i);
/* Are the labels of the field classes that outputs [..., outputs] have a place for? Else RANGE, with the place of the first. */
rt_status rt__check_labels(const rt_dataset *d, const rt_data_field *field, int64_t outputs);

#endif
