/* The next token at each token: the mean cross-entropy of those that count, which the data set's mask may choose. */
#include <math.h>
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/tasks/cross_entropy.h"
#include "worker/engine/tensor/tensor.h"

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

static rt_status open(rt__task *t, const rt_config *cfg, const rt_dataset *d)
{
    options *o = rt_calloc(1, sizeof *o);
    if (!o)
        return rt_error_code();
    *o = (options){cfg->task.language.ignore, cfg->task.language.label_smoothing};
    bool all_count = o->ignore < 0 && !rt_data_find(d, "mask");
    t->state = o;
    t->sums = SUMS;
    t->weight = all_count ? (double)rt_data_find(d, "targets")->dims.d[0] : 0;
    return RT_OK;
}

static rt_status check(const rt__task *t, const rt_dataset *d, rt_dims output)
{
    (void)t;
    const rt_data_field *targets = rt_data_find(d, "targets");
    long long tokens = targets->dims.d[0], words = targets->classes;
    if (output.n != 2 || output.d[0] != tokens)
        return rt__task_wrong_output(output,
                                     "[%lld,%lld]: for each of %lld tokens a number for each that "
                                     "may come next",
                                     tokens, words, tokens);
    if (rt__check_labels(d, targets, output.d[1]) == RT_OK)
        return RT_OK;
    return rt_error_prefix("the last layer of the model has %lld outputs for each token",
                           (long long)output.d[1]);
}

/* A row for each token of each sample. */
static rt__rows rows_of(const rt__task *t, rt_tensor *outputs, const rt_batch *b)
{
    const options *o = t->state;
    rt_tensor *mask = rt_batch_find(b, "mask");
    return (rt__rows){.outputs = rt_flatten(outputs, 0, 1),
                      .labels = rt_flatten(rt_batch_field(b, "targets"), 0, 1),
                      .mask = mask ? rt_flatten(mask, 0, 1) : NULL,
                      .ignore = o->ignore,
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
    return rt_error_code();
}

static void tell(const rt__task *t, const double *sums, rt_metrics *out)
{
    (void)t;
    double loss = sums[LOSS] / sums[WEIGHT];
    rt_metrics_add(out, "loss", loss);
    rt_metrics_add(out, "perplexity", exp(loss));
}

const rt__task_row rt__task_language = {
    .name = "language",
    .target = "targets",
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
