/* Cross-entropy over rows, some of which have less weight than others or none: shared by classification and language models. */
#ifndef RINGTORCH_WORKER_ENGINE_TASKS_CROSS_ENTROPY_H
#define RINGTORCH_WORKER_ENGINE_TASKS_CROSS_ENTROPY_H

#include "worker/engine/tasks/task.h"

typedef struct rt__rows {
    rt_tensor *outputs;        /* [n, classes]; NULL if only weights are wanted */
    rt_tensor *labels;         /* int64 [n] */
    rt_tensor *mask;           /* float32 [n], the weight of each row; NULL: all 1 */
    int64_t ignore;            /* rows with this label have no weight; -1: none */
    const float *class_weight; /* [classes]; NULL: all 1 */
    double smoothing;
} rt__rows;

/* Returns the sum of the rows' losses, as torch.nn.CrossEntropyLoss computes it: with L(c) = -log softmax(row)[c],
 *
 *     counts * ((1 - smoothing) weight[label] L(label) + smoothing / classes * sum over c of weight[c] L(c))
 *
 * *weight: the sum of counts * weight[label], by which the loss is divided for the mean. */
rt_tensor *rt__rows_loss(const rt__rows *r, double *weight);
/* Returns that weight alone. */
double rt__rows_weight(const rt__rows *r);
/* Returns the weight of row i without its class's weight: 0, 1 or the mask's value. */
double rt__row_counts(const rt__rows *r, int64_t i);
/* Checks that outputs [..., outputs] have a place for every class in the field's labels. Otherwise fails with RANGE and the
 * place of the first bad label. */
rt_status rt__check_labels(const rt_dataset *d, const rt_data_field *field, int64_t outputs);

#endif
