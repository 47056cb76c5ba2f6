#include "common/base/metrics.h"

#include "common/base/fields.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LESS  .more_is_better = false
#define MORE  .more_is_better = true
#define PLAIN .share = false
#define SHARE .share = true

rt_metric_row rt_metric_rows[RT_METRIC_ROWS + RT_METRICS_ADDED_MAX] = {
    {.name = "loss", LESS, PLAIN, .title = "loss", .help = "what training makes smaller, mean"},
#define METRIC(task_, name_, better, form, title_, help_)                                          \
    {.name = #name_, .task = #task_, better, form, .title = title_, .help = help_},
    RT_TASK_METRICS(METRIC)};

#define NAME(task, name, better, form, title, help)                                                \
    static_assert(sizeof #name <= RT_METRIC_NAME, #name ": is too long a name");
RT_TASK_METRICS(NAME)

static int kinds = RT_METRIC_ROWS;

int rt_metric_kinds(void)
{
    return kinds;
}

void rt_metric_add(const rt_metric_row *row)
{
    rt_metric_rows[kinds++] = *row;
}

const rt_metric_row *rt_metric_find(const char *name)
{
    for (int i = 0; i < kinds; i++)
        if (strcmp(rt_metric_rows[i].name, name) == 0)
            return &rt_metric_rows[i];
    return NULL;
}

bool rt_metric_in_task(const rt_metric_row *row, const char *task)
{
    return !row->task || strcmp(row->task, task) == 0;
}

void rt_metric_text(const rt_metric_row *row, double value, rt_text *out)
{
    char fixed[RT_FIXED];
    if (row->share)
        rt_text_add(out, "%s %%", rt_fixed(100 * value, 2, fixed));
    else
        rt_text_add(out, "%s", rt_fixed(value, 4, fixed));
}

void rt_metrics_add(rt_metrics *m, const char *name, double value)
{
    if (!m || !name || m->count == RT_METRICS_MAX)
        return;
    rt_metric *metric = &m->metric[m->count++];
    snprintf(metric->name, sizeof metric->name, "%s", name);
    metric->value = value;
}

double rt_metrics_get(const rt_metrics *m, const char *name)
{
    for (int64_t i = 0; m && name && i < m->count; i++)
        if (strcmp(m->metric[i].name, name) == 0)
            return m->metric[i].value;
    return NAN;
}

bool rt_metrics_put(const rt_metrics *m, const char *prefix, json_t *object)
{
    bool whole = true;
    for (int64_t i = 0; i < m->count; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s%s", prefix, m->metric[i].name);
        whole &= json_object_set_new(object, key, rt_json_number(m->metric[i].value)) == 0;
    }
    return whole;
}

rt_metrics rt_metrics_from(const json_t *object, const char *prefix)
{
    rt_metrics m = {0};
    for (int i = 0; i < kinds; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s%s", prefix, rt_metric_rows[i].name);
        if (json_object_get(object, key))
            rt_metrics_add(&m, rt_metric_rows[i].name, rt__field_number(object, key));
    }
    return m;
}

bool rt_metrics_any_finite(const rt_metrics *m)
{
    for (int64_t i = 0; i < m->count; i++)
        if (isfinite(m->metric[i].value))
            return true;
    return false;
}

void rt_metrics_text(const rt_metrics *m, rt_text *out)
{
    for (int64_t i = 1; i <= m->count; i++) {
        const rt_metric *metric = &m->metric[i % m->count];
        const rt_metric_row *row = rt_metric_find(metric->name);
        if (!row)
            continue;
        rt_text_add(out, "%s%s ", i > 1 ? ", " : "", row->title);
        rt_metric_text(row, metric->value, out);
    }
}
