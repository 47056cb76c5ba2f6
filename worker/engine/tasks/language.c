/* Predicts the next token at each token: mean cross-entropy over the tokens that count, which the data set's mask
 * may select. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/tasks/cross_entropy.h"
#include "worker/engine/tensor/tensor.h"
#include <math.h>

enum { LOSS, WEIGHT, SUMS };

typedef struct options {
    int64_t ignore;
    double smoothing;
} options;

static bool fits(const rt_dataset *d)
{
    const rt_data_field *tokens = rt_data_find(d, "tokens"), *targets = rt_data_find(d, "targets"),
                        *mask = rt_data_find(d, "mask");
    bool pair = tokens && targets && targets->dtype == RT_I64 && targets->dims.n == 1 &&
                !targets->varies && targets->classes > 0;
    return pair && (!mask || (mask->dtype == RT_F32 && rt__dims_equal(mask->dims, targets->dims)));
}

static int64_t outputs_of(const rt_dataset *d)
{
    (void)d;
    return 0;
}

static rt_status open(rt_task *t, const void *values, const rt_dataset *d)
{
    const rt_task_language_values *v = values;
    options *o = rt_task_state(t, sizeof *o);
    if (!o)
        return rt_error_code();
    *o = (options){v->ignore, v->label_smoothing};
    bool all_count = o->ignore < 0 && !rt_data_find(d, "mask");
    t->sums = SUMS;
    t->why = !rt_data_find(d, "mask") ? "task.ignore"
             : o->ignore < 0          ? "data.mask, data.mask_share or data.separator"
                                      : "data.mask, data.mask_share, data.separator or task.ignore";
    t->weight = all_count ? (double)rt_data_find(d, "targets")->dims.d[0] : 0;
    return RT_OK;
}

static rt_status check(const rt_task *t, const rt_dataset *d, const rt_dims *shape)
{
    (void)t;
    const rt_data_field *targets = rt_data_find(d, "targets");
    long long tokens = targets->dims.d[0], words = targets->classes;
    if (shape->n != 2 || shape->d[0] != tokens)
        return rt_task_wrong_output(*shape,
                                    "[%lld,%lld]: for each of %lld tokens a number for each that "
                                    "may come next",
                                    tokens, words, tokens);
    if (rt__check_labels(d, targets, shape->d[1]) == RT_OK)
        return RT_OK;
    return rt_error_prefix("the last layer of the model has %lld outputs for each token",
                           (long long)shape->d[1]);
}

/* Makes one row for each token of each sample. */
static rt__rows rows_of(const rt_task *t, rt_tensor *outputs, const rt_batch *b)
{
    const options *o = t->state;
    rt_tensor *mask = rt_batch_find(b, "mask");
    return (rt__rows){.outputs = outputs ? rt_flatten(outputs, 0, 1) : NULL,
                      .labels = rt_flatten(rt_batch_field(b, "targets"), 0, 1),
                      .mask = mask ? rt_flatten(mask, 0, 1) : NULL,
                      .ignore = o->ignore,
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
    return rt_error_code();
}

static void report_metrics(const rt_task *t, const double *sums, rt_metrics *out)
{
    (void)t;
    double loss = sums[LOSS] / sums[WEIGHT];
    rt_metrics_add(out, "loss", loss);
    rt_metrics_add(out, "perplexity", exp(loss));
}

static double counted(const rt_task *t, const double *sums)
{
    (void)t;
    return sums[WEIGHT];
}

const rt_task_row rt__task_language = {
    .name = "language",
    .target = "targets",
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
    .unit = "tokens",
};
