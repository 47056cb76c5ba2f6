#include "worker/engine/tasks/cross_entropy.h"

#include "common/base/error.h"
#include "worker/engine/data/dataset.h"
#include <string.h>

double rt__row_counts(const rt__rows *r, int64_t i)
{
    if (r->ignore >= 0 && rt_i64(r->labels)[i] == r->ignore)
        return 0;
    return r->mask ? (double)rt_f32(r->mask)[i] : 1;
}

/* Returns the weight of row i in the loss. */
static float weight_of(const rt__rows *r, int64_t i)
{
    double counts = rt__row_counts(r, i);
    return (float)(counts * (r->class_weight ? (double)r->class_weight[rt_i64(r->labels)[i]] : 1));
}

double rt__rows_weight(const rt__rows *r)
{
    double sum = 0;
    for (int64_t i = 0; i < rt_numel(r->labels); i++)
        sum += (double)weight_of(r, i);
    return sum;
}

/* Returns number(r, i) for each row i, on the device of the outputs. */
static rt_tensor *for_each_row(const rt__rows *r, float (*number)(const rt__rows *r, int64_t i))
{
    int64_t n = rt_numel(r->labels);
    rt_tensor *x = rt_empty(rt_shape(n));
    float *to = rt_f32(x);
    for (int64_t i = 0; to && i < n; i++)
        to[i] = number(r, i);
    return rt_to_device(x, rt_device_of(r->outputs));
}

static float counts_of(const rt__rows *r, int64_t i)
{
    return (float)rt__row_counts(r, i);
}

/* Returns the sum over rows of counts / classes * sum over classes c of weight[c] L(c). */
static rt_tensor *loss_of_all_classes(const rt__rows *r)
{
    int64_t classes = rt_dims_of(r->outputs).d[1];
    rt_tensor *share = rt_wrap((void *)r->class_weight, rt_shape(classes, 1), RT_F32);
    share = rt_to_device(rt_mul_scalar(share, -1 / (double)classes), rt_device_of(r->outputs));
    rt_tensor *losses = rt_matmul(rt_log_softmax(r->outputs, 1), share);
    return rt_sum(rt_mul(rt_flatten(losses, 0, 1), for_each_row(r, counts_of)));
}

rt_tensor *rt__rows_loss(const rt__rows *r, double *weight)
{
    rt_tensor *labels = rt_to_device(r->labels, rt_device_of(r->outputs));
    *weight = (double)rt_numel(r->labels);
    if (!r->mask && !r->class_weight && r->ignore < 0)
        return rt_cross_entropy(r->outputs, labels, .label_smoothing = r->smoothing,
                                .reduction = RT_SUM);
    *weight = rt__rows_weight(r);
    bool both = r->class_weight && r->smoothing > 0;
    rt_tensor *losses = rt_cross_entropy(
        r->outputs, labels, .label_smoothing = both ? 0 : r->smoothing, .reduction = RT_NONE);
    rt_tensor *sum = rt_sum(rt_mul(losses, for_each_row(r, weight_of)));
    if (!both)
        return sum;
    return rt_add(rt_mul_scalar(sum, 1 - r->smoothing),
                  rt_mul_scalar(loss_of_all_classes(r), r->smoothing));
}

rt_status rt__check_labels(const rt_dataset *d, const rt_data_field *field, int64_t outputs)
{
    return rt__data_check_classes(d, (int)(field - d->field), outputs);
}
