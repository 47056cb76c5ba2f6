/* Selects a run's task. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/config/added.h"
#include "common/config/config_table.h"
#include "worker/engine/base/callback.h"
#include "worker/engine/data/filled.h"
#include "worker/engine/tasks/task.h"
#include "worker/engine/tensor/tensor.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ROW(section, constant, id, text, FIELDS, help) [constant] = &rt__task_##id,
static const rt_task_row *const own[] = {RT_TASKS(ROW)}; /* RT_CFG_TASK_AUTO has none */
enum { OWN = sizeof own / sizeof *own };

/* Returns row i of the family: NULL for `auto`, and for a task whose plugin is not loaded. */
static const rt_task_row *task_at(int i)
{
    return i < OWN ? own[i] : rt__family_of("task")->row[i].added.code;
}

/* "x float32 [1,28,28], y int64 []" */
static void add_fields(const rt_dataset *d, rt_text *to)
{
    const rt_data_field *field;
    int n = rt_data_fields(d, &field);
    for (int i = 0; i < n; i++)
        rt_text_add(to, "%s%s %s %s", i ? ", " : "", field[i].name, rt_dtype_name(field[i].dtype),
                    rt_dims_text(field[i].dims));
}

static rt_status fail_to_fit(const char *key, const char *why, const rt_dataset *d)
{
    rt_text fields = {0};
    add_fields(d, &fields);
    char *text = rt_text_take(&fields);
    rt_status status =
        text ? RT_FAIL(CONFIG, "task.name: %s: %s: its samples are %s", key, why, text)
             : rt_error_code();
    rt_mem_free(text);
    return status;
}

static rt_status check_loaded(int i)
{
    char what[64];
    const rt__family_row *row = &rt__family_of("task")->row[i];
    snprintf(what, sizeof what, "task %s", row->name);
    return rt__added_check(&row->added, what);
}

/* Chooses the configured task, or for `auto` the first that fits. */
static rt_status choose(const rt_config *cfg, const rt_dataset *d, const rt_task_row **out)
{
    int named = (int)cfg->task.name, all = rt__family_of("task")->rows;
    RT_TRY(check_loaded(named));
    *out = task_at(named);
    if (*out)
        return !(*out)->fits || (*out)->fits(d)
                   ? RT_OK
                   : fail_to_fit((*out)->name, "not a task for this data set", d);
    for (int i = 0; i < all; i++)
        if (task_at(i) && task_at(i)->fits && task_at(i)->fits(d)) {
            *out = task_at(i);
            return RT_OK;
        }
    return fail_to_fit("auto", "no task fits this data set", d);
}

/* Returns the row of the family that has this task; NULL for a task that is in no table. */
static const rt__family_row *family_row_of(const rt_task_row *task)
{
    const rt__family *f = rt__family_of("task");
    for (int i = 0; i < f->rows; i++)
        if (task_at(i) == task)
            return &f->row[i];
    return NULL;
}

/* Writes how messages name the task: "task huber of the plugin hills". */
static void name_task(const rt_task_row *task, char out[RT__ADDED_NAME])
{
    const rt__family_row *row = family_row_of(task);
    rt__added_name(row ? &row->added : &(rt__added){0}, "task", task->name, out);
}

/* ---- what a row leaves out ---- */

/* The sums of a task without .open, .score or .tell: of losses, of weights, and of each metric. */
static int64_t plain_sums(const rt_task_row *row)
{
    int64_t n = 2;
    for (const rt_metric_row *m = row->metrics; m && m->name; m++)
        n++;
    return n;
}

static rt_status open_task(rt_task *t, const void *options, const rt_dataset *d, const char *name)
{
    if (t->row->open)
        return rt__callback_status(t->row->open(t, options, d), name, ".open");
    t->sums = plain_sums(t->row);
    t->weight = t->row->weigh ? 0 : 1;
    return RT_OK;
}

/* Scores the loss alone: such a row has no metrics. */
static rt_status score_loss(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                            double *sums)
{
    rt_tensor *loss = t->row->loss(t, results, b, &sums[1]);
    RT_TRY(rt__task_check_loss(t, b->n, loss, sums[1]));
    sums[0] = rt_item(loss);
    return rt_error_code();
}

static void tell_means(const rt_task *t, const double *sums, rt_metrics *out)
{
    rt_metrics_add(out, "loss", sums[0] / sums[1]);
    for (int64_t i = 2; i < t->sums; i++)
        rt_metrics_add(out, t->row->metrics[i - 2].name, sums[i] / sums[1]);
}

const char *rt__task_target_name(const rt_task_row *row)
{
    return row->target_name ? row->target_name : row->target;
}

const char *rt__task_result_name(const rt_task_row *row, int i)
{
    return row->results[i] ? row->results[i] : "predictions";
}

/* ---- opening ---- */

/* Checks what .open has set and which field the row compares results with, since training, evaluations and predictions rely on them. */
static rt_status check_opened(const rt_task *t, const rt_dataset *d, const char *name)
{
    if (!rt_data_find(d, t->row->target)) {
        rt_text fields = {0};
        add_fields(d, &fields);
        RT_FAIL(
            CONFIG,
            "%s: .target is '%.60s', a field that the data set does not have: its samples are %s",
            name, t->row->target, fields.data ? fields.data : "nothing");
        rt_mem_free(fields.data);
        return rt_error_code();
    }
    if (t->sums < 1)
        return RT_FAIL(CONFIG,
                       "%s: .open set sums to %lld, expected the count of numbers that .score "
                       "fills, at least 1",
                       name, (long long)t->sums);
    if (!(t->row->score && t->row->tell) && t->sums != plain_sums(t->row))
        return RT_FAIL(CONFIG,
                       "%s: .open set sums to %lld, expected %lld, since the row has no .%s: of "
                       "losses, of weights, and of each of .metrics",
                       name, (long long)t->sums, (long long)plain_sums(t->row),
                       t->row->tell ? "score" : "tell");
    if (!isfinite(t->weight) || t->weight < 0)
        return RT_FAIL(
            CONFIG,
            "%s: .open set weight to %g, expected what each sample counts, or 0 if .weigh says it",
            name, t->weight);
    return t->weight > 0 || t->row->weigh ? RT_OK
                                          : RT_FAIL(CONFIG,
                                                    "%s: .open set weight to 0, expected what each "
                                                    "sample counts, since the row has no .weigh",
                                                    name);
}

rt_status rt__task_open(rt_task *t, const rt_config *cfg, const rt_task_row *row,
                        const rt_dataset *d)
{
    *t = (rt_task){.row = row};
    if (!row)
        RT_TRY(choose(cfg, d, &t->row));
    char name[RT__ADDED_NAME];
    name_task(t->row, name);
    const rt__family_row *in = family_row_of(t->row);
    const void *options = in ? (const char *)cfg + in->offset : NULL;
    RT_TRY(open_task(t, options, d, name));
    return check_opened(t, d, name);
}

void *rt_task_state(rt_task *t, size_t bytes)
{
    if (!rt__given(t, "task_state", "task"))
        return NULL;
    rt_mem_free(t->state);
    t->state = rt_calloc(1, bytes);
    return t->state;
}

void rt__task_close(rt_task *t)
{
    rt_mem_free(t->state);
    *t = (rt_task){0};
}

int rt__task_results(const rt_task_row *row)
{
    int n = 0;
    while (n < RT_NN_TENSORS && row->results[n])
        n++;
    return n > 0 ? n : 1;
}

rt_status rt__task_check(const rt_task *t, const rt_dataset *d, const rt_dims *shape, int count)
{
    int needed = rt__task_results(t->row);
    if (count != needed)
        return RT_FAIL(CONFIG, "the model gives %d result%s, but the task %s takes %d", count,
                       rt_plural(count), t->row->name, needed);
    char name[RT__ADDED_NAME];
    name_task(t->row, name);
    return t->row->check ? rt__callback_status(t->row->check(t, d, shape), name, ".check") : RT_OK;
}

/* ---- what its functions give ---- */

/* Weights are sums over samples, whose rounding is up to the task. */
static bool is_weight(const rt_task *t, int64_t n, double weight)
{
    double expected = t->weight * (double)n;
    return t->weight > 0 ? fabs(weight - expected) <= 1e-6 * expected
                         : isfinite(weight) && weight >= 0;
}

rt_status rt__task_check_loss(const rt_task *t, int64_t n, const rt_tensor *loss, double weight)
{
    if (!rt_failed() && loss && loss->object.type == &rt__tensor_type && rt_numel(loss) == 1 &&
        is_weight(t, n, weight))
        return RT_OK;
    char name[RT__ADDED_NAME];
    name_task(t->row, name);
    RT_TRY(rt__callback_object(loss, name, ".loss"));
    if (!rt__object_is(loss, &rt__tensor_type, name, 1))
        return rt_error_prefix(".loss");
    if (rt_numel(loss) != 1)
        return RT_FAIL(CONFIG, "%s: .loss returned %s, expected one number, the sum over the batch",
                       name, rt_describe(loss));
    if (t->weight > 0)
        return RT_FAIL(CONFIG,
                       "%s: .loss set *weight to %g for %lld sample%s, expected %g, since each "
                       "sample has weight %g",
                       name, weight, (long long)n, rt_plural(n), t->weight * (double)n, t->weight);
    return RT_FAIL(
        CONFIG,
        "%s: .loss set *weight to %g, expected what the batch counts, a number that is not below 0",
        name, weight);
}

rt_status rt__task_score(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                         double *sums)
{
    if (!t->row->score)
        return score_loss(t, results, b, sums);
    rt_status status = t->row->score(t, results, b, sums);
    if (status == RT_OK)
        return rt_error_code();
    char name[RT__ADDED_NAME];
    name_task(t->row, name);
    return rt__callback_status(status, name, ".score");
}

static bool has(const rt_metrics *m, const char *name)
{
    for (int64_t i = 0; i < m->count; i++)
        if (strcmp(m->metric[i].name, name) == 0)
            return true;
    return false;
}

static bool is_listed(const rt_task_row *task, const char *name)
{
    bool listed = strcmp(name, "loss") == 0;
    for (const rt_metric_row *m = task->metrics; m && m->name; m++)
        listed |= strcmp(m->name, name) == 0;
    return listed;
}

rt_status rt__task_tell(const rt_task *t, const double *sums, rt_metrics *out)
{
    char name[RT__ADDED_NAME];
    const rt__family_row *in = family_row_of(t->row);
    (t->row->tell ? t->row->tell : tell_means)(t, sums, out);
    name_task(t->row, name);
    if (!has(out, "loss"))
        return RT_FAIL(CONFIG, "%s: .tell gave no 'loss'", name);
    for (const rt_metric_row *m = t->row->metrics; m && m->name; m++)
        if (!has(out, m->name))
            return RT_FAIL(CONFIG, "%s: .tell gave no '%s', which .metrics lists", name, m->name);
    for (int64_t i = 0; in && in->added.description && i < out->count; i++)
        if (!is_listed(t->row, out->metric[i].name))
            return RT_FAIL(CONFIG, "%s: .tell gave '%s', which .metrics does not list", name,
                           out->metric[i].name);
    return rt_error_code();
}

/* ---- weight of a data set ---- */

enum { PIECE = 16 }; /* samples read at a time */

/* Reads samples until one has weight. */
static rt_status look_for_weight(const rt_task *t, const rt_dataset *d, rt__filled *f,
                                 double *weight)
{
    int64_t ids[PIECE], all = rt_data_size(d);
    for (int64_t begin = 0; begin < all && !(*weight > 0); begin += PIECE) {
        int64_t n = all - begin < PIECE ? all - begin : PIECE;
        rt_batch b;
        for (int64_t i = 0; i < n; i++)
            ids[i] = begin + i;
        RT_TRY(rt__filled_read(f, d, ids, n));
        rt_scope s = rt_scope_begin();
        rt_status status = rt__filled_wrap(f, d, &b);
        if (status == RT_OK)
            *weight = t->row->weigh(t, &b);
        rt_scope_end(s);
        RT_TRY(status);
    }
    return rt_error_code();
}

rt_status rt__task_check_weight(const rt_task *t, const char *which, const rt_dataset *d)
{
    rt__filled f = {0};
    double weight = 0;
    if (t->weight > 0)
        return RT_OK;
    rt_status status = rt__filled_init(&f, d, PIECE);
    if (status == RT_OK)
        status = look_for_weight(t, d, &f, &weight);
    rt__filled_release(&f);
    if (status != RT_OK || weight > 0)
        return status;
    return RT_FAIL(CONFIG, "nothing in the %s samples counts, so they have no loss%s%s", which,
                   t->why ? ": change " : "", t->why ? t->why : "");
}

/* ---- messages ---- */

rt_status rt_task_wrong_output(rt_dims output, const char *expected, ...)
{
    char text[256];
    va_list args;
    va_start(args, expected);
    vsnprintf(text, sizeof text, expected, args);
    va_end(args);
    return RT_FAIL(CONFIG, "the last layer of the model gives %s for each sample, expected %s",
                   rt_dims_text(output), text);
}
