/* One class for each sample: the mean cross-entropy, and how many are right. */
#include "common/error.h"
#include "worker/engine/tasks/task.h"

enum { LOSS, RIGHT, SUMS };

static rt_status score(rt_tensor *outputs, const rt_batch *batch, double *sums)
{
    rt_tensor *labels = rt_batch_field(batch, "y");
    sums[LOSS] = rt_item(rt_cross_entropy(outputs, labels, .reduction = RT_SUM));
    const int64_t *guess = rt_i64(rt_argmax(outputs, 1)), *label = rt_i64(labels);
    int64_t right = 0;
    for (int64_t i = 0; !rt_failed() && i < rt_numel(labels); i++)
        right += guess[i] == label[i];
    sums[RIGHT] = (double)right;
    return rt_error_code();
}

static void tell(const double *sums, int64_t samples, rt_metrics *out)
{
    rt_metrics_add(out, "loss", sums[LOSS] / (double)samples);
    rt_metrics_add(out, "accuracy", sums[RIGHT] / (double)samples);
}

const rt__task rt__task_classification = {
    .name = "classification",
    .sums = SUMS,
    .score = score,
    .tell = tell,
};
