/* The values that evaluations report, by name: which exist, which of two is better, and how they are written.
 *
 *     rt_metrics m = {0};
 *     rt_metrics_add(&m, "loss", 0.25);
 *     rt_metrics_put(&m, "eval_", row);                    // {"eval_loss": 0.25}
 *     const rt_metric_row *row = rt_metric_find("loss");   // NULL: no task reports it
 *     if (row->more_is_better) ...
 *
 * The rows are in ringtorch/tasks.def; those of tasks that plugins add follow. */
#ifndef RINGTORCH_COMMON_BASE_METRICS_H
#define RINGTORCH_COMMON_BASE_METRICS_H

#include "common/base/json.h"
#include "common/base/text.h"
#include <ringtorch/metrics.h>
#include <ringtorch/tasks.def>
#include <stdbool.h>
#include <stddef.h>

enum {
#define RT__METRIC_COUNT(task, name, better, form, title, help) +1
    RT_METRIC_ROWS = 1 RT_TASK_METRICS(RT__METRIC_COUNT), /* built in; the loss is first */
#undef RT__METRIC_COUNT
    RT_METRICS_ADDED_MAX = 32, /* room for rows of plugins */
};
extern rt_metric_row
    rt_metric_rows[RT_METRIC_ROWS + RT_METRICS_ADDED_MAX]; /* [rt_metric_kinds()] */
/* Returns the number of rows, including those added by plugins. */
int rt_metric_kinds(void);
/* Adds a row that the caller has validated; there must be room. Its texts are borrowed for the life of the process.
 * Must not run while other threads use metrics. */
void rt_metric_add(const rt_metric_row *row);

/* Returns the row with that name, or NULL if there is none. */
const rt_metric_row *rt_metric_find(const char *name);
/* Returns whether this task reports that metric. */
bool rt_metric_in_task(const rt_metric_row *row, const char *task);
/* Appends a value as people read it: "91.48 %", "0.2346", "nan". */
void rt_metric_text(const rt_metric_row *row, double value, rt_text *out);

/* Sets a member `prefix`name of the object for each value, null if the value is not finite. Returns false if memory
 * runs out. */
bool rt_metrics_put(const rt_metrics *m, const char *prefix, json_t *object);
/* Appends all values as people read them, the loss last: "accuracy 91.48 %, loss 0.2346". */
void rt_metrics_text(const rt_metrics *m, rt_text *out);
/* Reads back what rt_metrics_put set: the members whose names are the prefix and the name of a metric. */
rt_metrics rt_metrics_from(const json_t *object, const char *prefix);
/* Returns whether any value is a finite number. */
bool rt_metrics_any_finite(const rt_metrics *m);

#endif
