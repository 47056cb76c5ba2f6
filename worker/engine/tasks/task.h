/* What a net is trained for: a row of ringtorch/tasks.def, and a file here that implements it.
 *
 *     rt_task t;
 *     RT_TRY(rt__task_open(&t, cfg, NULL, train));         // chosen by name, or by the fields of the data set
 *     RT_TRY(rt__task_check(&t, train, shapes, count));    // do the net's results fit the task?
 *     rt_tensor *loss = t.row->loss(&t, results, &batch, &weight);
 *     ...
 *     RT_TRY(rt__task_check_loss(&t, batch.n, loss, weight));
 *     RT_TRY(rt__task_score(&t, results, &batch, sums));   // of each chunk of the test set
 *     RT_TRY(rt__task_tell(&t, sums, &metrics));           // of the sums of all chunks, added in their order
 *     rt__task_close(&t);
 *
 * A net's output for a batch is a list of results: most tasks compare one result with a field of the batch; a task with an auxiliary head
 * takes two.
 *
 * Loss, weight and scores are sums over samples, so that slices and ranks can be added up: the mean loss of a batch is the sum of its
 * losses divided by the sum of its weights for any split, even where the weights depend on the data (counted tokens, for example). */
#ifndef RINGTORCH_WORKER_ENGINE_TASKS_TASK_H
#define RINGTORCH_WORKER_ENGINE_TASKS_TASK_H

#include "common/base/metrics.h"
#include "common/config/config.h"
#include <ringtorch/task.h>

/* rt__task_classification, ...: one for each row. */
#define RT__TASK_ROW(section, constant, id, text, FIELDS, help)                                    \
    extern const rt_task_row rt__task_##id;
RT_TASKS(RT__TASK_ROW)
#undef RT__TASK_ROW

/* Opens the task `row`, or if NULL the one that the configuration names, or else the first that fits the data set. Fails with CONFIG,
 * naming fields, if none fits or the options are wrong. */
rt_status rt__task_open(rt_task *t, const rt_config *cfg, const rt_task_row *row,
                        const rt_dataset *d);
/* Returns how many results a net must have for the task. */
int rt__task_results(const rt_task_row *row);
/* Return what a file of predictions calls the target and result i. */
const char *rt__task_target_name(const rt_task_row *row);
const char *rt__task_result_name(const rt_task_row *row, int i);
/* Fails unless a net whose results have these shapes [count] per sample can be trained for the task on this data set. */
rt_status rt__task_check(const rt_task *t, const rt_dataset *d, const rt_dims *shape, int count);
/* Fails with CONFIG, naming the task, unless what .loss gave for a batch of n samples is one number and a weight as .open said. Cheap. */
rt_status rt__task_check_loss(const rt_task *t, int64_t n, const rt_tensor *loss, double weight);
/* Calls .score; a failure always has a message. */
rt_status rt__task_score(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                         double *sums);
/* Calls .tell, and fails with CONFIG, naming the metric, unless it gives "loss" and exactly the metrics that the row lists. */
rt_status rt__task_tell(const rt_task *t, const double *sums, rt_metrics *out);
/* Fails with CONFIG, naming keys, if no sample of the set has any weight, because such a set has no loss. Stops at the first sample that
 * has. */
rt_status rt__task_check_weight(const rt_task *t, const char *which, const rt_dataset *d);
void rt__task_close(rt_task *t); /* t may be zeroed */

#endif
