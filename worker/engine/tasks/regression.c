/* Numbers for each sample: the mean of their squared or absolute errors, and R2. */
#include <math.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/tasks/task.h"
#include "worker/engine/tensor/tensor.h"

/* Sums over the samples of each target; a score has these for the first target, then for the second, and so on. */
enum { SAMPLES, VALUE, SQUARE, ERROR, SQUARED_ERROR, SUMS };

typedef struct options {
    bool absolute;
    int64_t targets;
} options;

static bool fits(const rt_dataset *d)
{
    const rt_data_field *y = rt_data_find(d, "y");
    return y && y->dtype == RT_F32 && !y->varies && rt__dims_numel(y->dims, "y") > 0;
}

static int64_t outputs_of(const rt_dataset *d)
{
    return rt__dims_numel(rt_data_find(d, "y")->dims, "y");
}

static rt_status open(rt__task *t, const rt_config *cfg, const rt_dataset *d)
{
    enum { MAE = 1 }; /* of task.loss */
    options *o = rt_calloc(1, sizeof *o);
    if (!o)
        return rt_error_code();
    *o = (options){cfg->task.regression.loss == MAE, outputs_of(d)};
    t->state = o;
    t->sums = SUMS * o->targets;
    t->weight = (double)o->targets;
    return RT_OK;
}

static rt_status check(const rt__task *t, const rt_dataset *d, rt_dims output)
{
    (void)t;
    rt_dims y = rt_data_find(d, "y")->dims;
    return rt__dims_equal(output, y)
               ? RT_OK
               : rt__task_wrong_output(output, "%s, the shape of the targets", rt_dims_text(y));
}

static rt_tensor *loss(const rt__task *t, rt_tensor *outputs, const rt_batch *b, double *weight)
{
    const options *o = t->state;
    rt_tensor *y = rt_to_device(rt_batch_field(b, "y"), rt_device_of(outputs));
    *weight = (double)(b->n * o->targets);
    return o->absolute ? rt_l1_loss(outputs, y, .reduction = RT_SUM)
                       : rt_mse_loss(outputs, y, .reduction = RT_SUM);
}

static rt_status score(const rt__task *t, rt_tensor *outputs, const rt_batch *b, double *sums)
{
    const options *o = t->state;
    const float *guess = rt_f32(rt_contiguous(outputs)), *y = rt_f32(rt_batch_field(b, "y"));
    memset(sums, 0, (size_t)t->sums * sizeof *sums);
    for (int64_t i = 0; !rt_failed() && i < b->n * o->targets; i++) {
        double *s = sums + SUMS * (i % o->targets), value = (double)y[i],
               error = (double)guess[i] - value;
        s[SAMPLES] += 1;
        s[VALUE] += value;
        s[SQUARE] += value * value;
        s[ERROR] += fabs(error);
        s[SQUARED_ERROR] += error * error;
    }
    return rt_error_code();
}

/* Of a target that is always the same, as far as sums can tell: 1 if it is met, else 0. */
static double r2_of(const double *s)
{
    double deviation = s[SQUARE] - s[VALUE] * s[VALUE] / s[SAMPLES];
    if (deviation > 1e-12 * s[SQUARE])
        return 1 - s[SQUARED_ERROR] / deviation;
    return s[SQUARED_ERROR] == 0 ? 1 : 0 * s[SQUARED_ERROR]; /* NaN where the errors are */
}

static void tell(const rt__task *t, const double *sums, rt_metrics *out)
{
    const options *o = t->state;
    double r2 = 0, errors = 0, squares = 0, n = 0;
    for (int64_t i = 0; i < o->targets; i++, sums += SUMS) {
        r2 += r2_of(sums);
        errors += sums[ERROR];
        squares += sums[SQUARED_ERROR];
        n += sums[SAMPLES];
    }
    rt_metrics_add(out, "loss", (o->absolute ? errors : squares) / n);
    rt_metrics_add(out, "r2", r2 / (double)o->targets);
    rt_metrics_add(out, "mse", squares / n);
    rt_metrics_add(out, "mae", errors / n);
}

const rt__task_row rt__task_regression = {
    .name = "regression",
    .target = "y",
    .output_name = "predictions",
    .target_name = "targets",
    .fits = fits,
    .open = open,
    .outputs = outputs_of,
    .check = check,
    .loss = loss,
    .score = score,
    .tell = tell,
};
