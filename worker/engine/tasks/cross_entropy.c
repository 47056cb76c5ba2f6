#include "worker/engine/tasks/cross_entropy.h"

#include <string.h>
#include "common/error.h"
#include "worker/engine/data/dataset.h"

double rt__row_counts(const rt__rows *r, int64_t i)
{
    if (r->ignore >= 0 && rt_i64(r->labels)[i] == r->ignore)
        return 0;
    return r->mask ? (double)rt_f32(r->mask)[i] : 1;
}

/* What each row counts, [n]; *weight: their sum. */
static rt_tensor *weights_of(const rt__rows *r, double *weight)
{
    int64_t n = rt_numel(r->labels);
    rt_tensor *w = rt_empty(rt_shape(n));
    float *to = rt_f32(w);
    const int64_t *label = rt_i64(r->labels);
    if (rt_failed())
        return NULL;
    *weight = 0;
    for (int64_t i = 0; i < n; i++) {
        double counts = rt__row_counts(r, i);
        to[i] = (float)(counts * (r->class_weight ? (double)r->class_weight[label[i]] : 1));
        *weight += (double)to[i];
    }
    return w;
}

rt_tensor *rt__rows_loss(const rt__rows *r, double *weight)
{
    rt_device there = rt_device_of(r->outputs);
    rt_tensor *labels = rt_to_device(r->labels, there);
    *weight = (double)rt_numel(r->labels);
    if (!r->mask && !r->class_weight && r->ignore < 0)
        return rt_cross_entropy(r->outputs, labels, .label_smoothing = r->smoothing,
                                .reduction = RT_SUM);
    rt_tensor *losses =
        rt_cross_entropy(r->outputs, labels, .label_smoothing = r->smoothing, .reduction = RT_NONE);
    rt_tensor *weights = rt_to_device(weights_of(r, weight), there);
    return rt_sum(rt_mul(losses, weights));
}

rt_status rt__check_labels(const rt_dataset *d, const rt_data_field *field, int64_t outputs)
{
    return rt__data_check_classes(d, (int)(field - d->field), outputs);
}
