/* One class per sample: mean cross-entropy and accuracy. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "worker/engine/tasks/cross_entropy.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOSS, WEIGHT, RIGHT, COUNTED, SUMS };

typedef struct options {
    int64_t ignore;
    double smoothing;
    int64_t weights; /* number of class weights given; 0: none */
    float weight[];  /* [weights], of each class */
} options;

static bool fits(const rt_dataset *d)
{
    const rt_data_field *y = rt_data_find(d, "y");
    return y && y->dtype == RT_I64 && y->dims.n == 0 && y->classes > 0;
}

static int64_t outputs_of(const rt_dataset *d)
{
    return rt_data_find(d, "y")->classes;
}

/* Bounds of nonzero weights: losses are divided by sums of weights in float32. */
static const double SMALLEST = 1e-30, LARGEST = 1e6;

/* Reads "0.5,1,2"; *n: the number of weights. If `to` is NULL, only counts them. */
static rt_status read_weights(const char *text, int64_t *n, float *to)
{
    *n = 0;
    for (const char *at = text; *at; (*n)++) {
        char *end;
        double weight = strtod(at, &end);
        bool usable = weight == 0 || (weight >= SMALLEST && weight <= LARGEST);
        if (end == at || (*end && *end != ',') || !usable)
            return RT_FAIL(CONFIG,
                           "task.weights: '%.40s': expected 0 or numbers from %g to %g, one for "
                           "each class, comma-separated",
                           at, SMALLEST, LARGEST);
        if (to)
            to[*n] = (float)weight;
        at = end + (*end == ',');
    }
    return RT_OK;
}

static rt_status open(rt_task *t, const void *values, const rt_dataset *d)
{
    (void)d;
    int64_t n;
    const rt_task_classification_values *v = values;
    RT_TRY(read_weights(v->weights, &n, NULL));
    options *o = rt_task_state(t, sizeof *o + (size_t)n * sizeof *o->weight);
    if (!o)
        return rt_error_code();
    t->sums = SUMS;
    *o = (options){.ignore = v->ignore, .smoothing = v->label_smoothing};
    t->weight = n > 0 || v->ignore >= 0 ? 0 : 1;
    t->why = n == 0          ? "task.ignore"
             : v->ignore < 0 ? "task.weights"
                             : "task.ignore and task.weights";
    return read_weights(v->weights, &o->weights, o->weight);
}

static rt_status check(const rt_task *t, const rt_dataset *d, const rt_dims *shape)
{
    const options *o = t->state;
    if (shape->n != 1)
        return rt_task_wrong_output(
            *shape,
            "one number for each class: put flatten before it, or a linear layer at the end");
    int64_t classes = shape->d[0];
    if (o->weights > 0 && o->weights != classes)
        return RT_FAIL(CONFIG,
                       "task.weights: %lld number%s, expected %lld, one for each of the outputs "
                       "of the model",
                       (long long)o->weights, rt_plural(o->weights), (long long)classes);
    if (rt__check_labels(d, rt_data_find(d, "y"), classes) == RT_OK)
        return RT_OK;
    return rt_error_prefix("the last layer of the model has %lld output%s, one for each class",
                           (long long)classes, rt_plural(classes));
}

static rt__rows rows_of(const rt_task *t, rt_tensor *outputs, const rt_batch *b)
{
    const options *o = t->state;
    return (rt__rows){.outputs = outputs,
                      .labels = rt_batch_field(b, "y"),
                      .ignore = o->ignore,
                      .class_weight = o->weights > 0 ? o->weight : NULL,
                      .smoothing = o->smoothing};
}

static double weigh(const rt_task *t, const rt_batch *b)
{
    rt__rows rows = rows_of(t, NULL, b);
    return rt__rows_weight(&rows);
}

static rt_tensor *loss(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                       double *weight)
{
    rt__rows rows = rows_of(t, results[0], b);
    return rt__rows_loss(&rows, weight);
}

static rt_status score(const rt_task *t, rt_tensor *const *results, const rt_batch *b, double *sums)
{
    rt__rows rows = rows_of(t, results[0], b);
    rows.smoothing = 0;
    sums[LOSS] = rt_item(rt__rows_loss(&rows, &sums[WEIGHT]));
    const int64_t *guess = rt_i64(rt_argmax(results[0], 1)), *label = rt_i64(rows.labels);
    sums[RIGHT] = sums[COUNTED] = 0;
    for (int64_t i = 0; !rt_failed() && i < b->n; i++) {
        double counts = rt__row_counts(&rows, i);
        sums[RIGHT] += guess[i] == label[i] ? counts : 0;
        sums[COUNTED] += counts;
    }
    return rt_error_code();
}

static void report_metrics(const rt_task *t, const double *sums, rt_metrics *out)
{
    (void)t;
    rt_metrics_add(out, "loss", sums[LOSS] / sums[WEIGHT]);
    rt_metrics_add(out, "accuracy", sums[RIGHT] / sums[COUNTED]);
}

static double counted(const rt_task *t, const double *sums)
{
    (void)t;
    return sums[COUNTED];
}

const rt_task_row rt__task_classification = {
    .name = "classification",
    .target = "y",
    .results = {"logits"},
    .target_name = "labels",
    .fits = fits,
    .open = open,
    .outputs = outputs_of,
    .check = check,
    .weigh = weigh,
    .loss = loss,
    .score = score,
    .tell = report_metrics,
    .counted = counted,
    .unit = "samples",
};
