/* A class for each sample: the mean cross-entropy, and how many are right. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/text.h"
#include "worker/engine/tasks/cross_entropy.h"

enum { LOSS, WEIGHT, RIGHT, COUNTED, SUMS };

typedef struct options {
    int64_t ignore;
    double smoothing;
    int64_t weights; /* as many as are given; 0: none */
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

/* Reads "0.5,1,2"; *n: how many there are. to: NULL: only counts them. */
static rt_status read_weights(const char *text, int64_t *n, float *to)
{
    *n = 0;
    for (const char *at = text; *at; (*n)++) {
        char *end;
        double weight = strtod(at, &end);
        if (end == at || (*end && *end != ',') || !(weight >= 0 && weight <= 1e6))
            return RT_FAIL(CONFIG,
                           "task.weights: '%.40s': expected numbers from 0 to 1e6, one for each "
                           "class, comma-separated",
                           at);
        if (to)
            to[*n] = (float)weight;
        at = end + (*end == ',');
    }
    return RT_OK;
}

static rt_status open(rt__task *t, const rt_config *cfg, const rt_dataset *d)
{
    (void)d;
    int64_t n;
    const rt_task_classification_values *v = &cfg->task.classification;
    RT_TRY(read_weights(v->weights, &n, NULL));
    options *o = rt_calloc(1, sizeof *o + (size_t)n * sizeof *o->weight);
    if (!o)
        return rt_error_code();
    t->state = o;
    t->sums = SUMS;
    *o = (options){.ignore = v->ignore, .smoothing = v->label_smoothing};
    t->weight = n > 0 || v->ignore >= 0 ? 0 : 1;
    return read_weights(v->weights, &o->weights, o->weight);
}

static rt_status check(const rt__task *t, const rt_dataset *d, rt_dims output)
{
    const options *o = t->state;
    if (output.n != 1)
        return rt__task_wrong_output(
            output,
            "one number for each class: put flatten before it, or a linear layer at the end");
    int64_t classes = output.d[0];
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

static rt__rows rows_of(const rt__task *t, rt_tensor *outputs, const rt_batch *b)
{
    const options *o = t->state;
    return (rt__rows){.outputs = outputs,
                      .labels = rt_batch_field(b, "y"),
                      .ignore = o->ignore,
                      .class_weight = o->weights > 0 ? o->weight : NULL,
                      .smoothing = o->smoothing};
}

static rt_tensor *loss(const rt__task *t, rt_tensor *outputs, const rt_batch *b, double *weight)
{
    rt__rows rows = rows_of(t, outputs, b);
    return rt__rows_loss(&rows, weight);
}

static rt_status score(const rt__task *t, rt_tensor *outputs, const rt_batch *b, double *sums)
{
    rt__rows rows = rows_of(t, outputs, b);
    rows.smoothing = 0;
    sums[LOSS] = rt_item(rt__rows_loss(&rows, &sums[WEIGHT]));
    const int64_t *guess = rt_i64(rt_argmax(outputs, 1)), *label = rt_i64(rows.labels);
    sums[RIGHT] = sums[COUNTED] = 0;
    for (int64_t i = 0; !rt_failed() && i < b->n; i++) {
        double counts = rt__row_counts(&rows, i);
        sums[RIGHT] += guess[i] == label[i] ? counts : 0;
        sums[COUNTED] += counts;
    }
    return rt_error_code();
}

static void tell(const rt__task *t, const double *sums, rt_metrics *out)
{
    (void)t;
    rt_metrics_add(out, "loss", sums[LOSS] / sums[WEIGHT]);
    rt_metrics_add(out, "accuracy", sums[RIGHT] / sums[COUNTED]);
}

const rt__task_row rt__task_classification = {
    .name = "classification",
    .target = "y",
    .output_name = "logits",
    .target_name = "labels",
    .fits = fits,
    .open = open,
    .outputs = outputs_of,
    .check = check,
    .loss = loss,
    .score = score,
    .tell = tell,
};
