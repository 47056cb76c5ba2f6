/* The result of an evaluation: named values, of which the first is the loss.
 *
 *     rt_metrics m = {0};
 *     rt_metrics_add(&m, "loss", 0.25);
 *     rt_metrics_add(&m, "accuracy", 0.5);
 *     for (int64_t i = 0; i < m.count; i++)
 *         fprintf(stderr, "%s %g\n", m.metric[i].name, m.metric[i].value);
 *     printf("%g\n", rt_metrics_get(&m, "accuracy"));   // 0.5
 *
 * The task that a net is trained for decides which values there are; docs/RUN.md lists them. An
 * rt_metrics is a plain value: copy it freely. */
#ifndef RINGTORCH_METRICS_H
#define RINGTORCH_METRICS_H

#include <ringtorch/export.h>
#include <stdbool.h>
#include <stdint.h>

RT_BEGIN_DECLS

enum { RT_METRICS_MAX = 8, RT_METRIC_NAME = 16 };

/* A named value. */
typedef struct rt_metric {
    char name[RT_METRIC_NAME]; /* "accuracy" */
    double value;              /* NaN: not known */
} rt_metric;

/* The description of a metric. */
typedef struct rt_metric_row {
    /* A member of JSON objects: lower-case letters, digits and _, shorter than RT_METRIC_NAME. */
    const char *name;
    const char *title, *help; /* for people: "accuracy", and a line that explains it */
    bool more_is_better;      /* larger values are better; false: smaller ones are */
    bool share;               /* from 0 to 1, shown in percent */
    const char *task; /* the task that computes it; NULL: all tasks do. Set by the library */
} rt_metric_row;

/* A list of named values. */
typedef struct rt_metrics {
    int64_t count;                    /* number of values */
    rt_metric metric[RT_METRICS_MAX]; /* [count] */
} rt_metrics;

/* Adds a value, for the .tell function of a task (task.h). At most RT_METRICS_MAX values are kept. */
RT_API void rt_metrics_add(rt_metrics *m, const char *name, double value);
/* Returns the value with that name; NaN, without an error, if there is none or an argument is
 * NULL. */
RT_API double rt_metrics_get(const rt_metrics *m, const char *name);

RT_END_DECLS

#endif
