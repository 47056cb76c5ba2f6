/* The values that evaluations tell, by name: which there are, which of two is better, and how they are written.
 *
 *     rt_metrics m = {0};
 *     rt_metrics_add(&m, "loss", 0.25);
 *     rt_metrics_put(&m, "eval_", row);                    // {"eval_loss": 0.25}
 *     const rt_metric_row *row = rt_metric_find("loss");   // NULL: no task tells that
 *     if (row->more_is_better) ...
 *
 * The rows are in ringtorch/tasks.def. */
#ifndef RINGTORCH_COMMON_METRICS_H
#define RINGTORCH_COMMON_METRICS_H

#include <ringtorch/metrics.h>
#include <ringtorch/tasks.def>
#include <stdbool.h>
#include <stddef.h>
#include "common/json.h"
#include "common/text.h"

typedef struct rt_metric_row {
    const char *name;
    const char *task; /* NULL: every task tells it */
    bool more_is_better, share;
    const char *title, *help;
} rt_metric_row;

enum {
#define RT__METRIC_COUNT(task, name, better, form, title, help) +1
    RT_METRIC_ROWS = 1 RT_TASK_METRICS(RT__METRIC_COUNT) /* the loss first */
#undef RT__METRIC_COUNT
};
extern const rt_metric_row rt_metric_rows[RT_METRIC_ROWS]; /* the loss first */

/* Returns the row of a name; NULL if there is none. */
const rt_metric_row *rt_metric_find(const char *name);
/* Does this task tell such a metric? */
bool rt_metric_is_of(const rt_metric_row *row, const char *task);
/* Adds a value as people read it: "91.48 %", "0.2346", "nan". */
void rt_metric_text(const rt_metric_row *row, double value, rt_text *out);

/* Adds a value; at most RT_METRICS_MAX are kept, which is enough for any task. */
void rt_metrics_add(rt_metrics *m, const char *name, double value);
/* Sets a member `prefix`name of an object for each value, null for what is not finite. */
void rt_metrics_put(const rt_metrics *m, const char *prefix, json_t *object);
/* Adds them as people read them, the loss last: "accuracy 91.48 %, loss 0.2346". */
void rt_metrics_words(const rt_metrics *m, rt_text *out);
/* Reads back what rt_metrics_put has set: members that have the names of metrics behind the prefix. */
rt_metrics rt_metrics_from(const json_t *object, const char *prefix);
/* Is any of them a finite number? */
bool rt_metrics_tell(const rt_metrics *m);

#endif
