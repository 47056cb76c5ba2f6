/* What an evaluation tells: named values, of which the first is the loss.
 *
 *     rt_evaluation e;
 *     RT_TRY(rt_trainer_evaluate(t, &e));
 *     for (int64_t i = 0; i < e.metrics.count; i++)
 *         printf("%s %g\n", e.metrics.metric[i].name, e.metrics.metric[i].value);
 *     double loss = rt_metrics_get(&e.metrics, "loss");
 *
 * Which values there are is up to the task that is trained for; docs/RUN.md lists them. */
#ifndef RINGTORCH_METRICS_H
#define RINGTORCH_METRICS_H

#include <ringtorch/export.h>
#include <stdint.h>

RT_BEGIN_DECLS

enum { RT_METRICS_MAX = 8, RT_METRIC_NAME = 16 };

typedef struct rt_metric {
    char name[RT_METRIC_NAME];
    double value; /* NaN: could not be told */
} rt_metric;

typedef struct rt_metrics {
    int64_t count;
    rt_metric metric[RT_METRICS_MAX];
} rt_metrics;

/* Returns the value of that name; NaN, which is no error, if there is none or either is NULL. */
double rt_metrics_get(const rt_metrics *m, const char *name);

RT_END_DECLS

#endif
