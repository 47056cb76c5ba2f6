/* Predicts numbers for each sample: mean squared or absolute error, and R2. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/tasks/task.h"
#include "worker/engine/tensor/tensor.h"
#include <math.h>
#include <string.h>

/* Sums over samples, for each target; scores hold all of these for the first target, then for the second, and so
 * on. */
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

static rt_status open(rt_task *t, const void *values, const rt_dataset *d)
{
    enum { MAE = 1 }; /* a value of task.loss */
    const rt_task_regression_values *v = values;
    options *o = rt_task_state(t, sizeof *o);
    if (!o)
        return rt_error_code();
    *o = (options){v->loss == MAE, outputs_of(d)};
    t->sums = SUMS * o->targets;
    t->weight = (double)o->targets;
    return RT_OK;
}

static rt_status check(const rt_task *t, const rt_dataset *d, const rt_dims *shape)
{
    (void)t;
    rt_dims y = rt_data_find(d, "y")->dims;
    return rt__dims_equal(*shape, y)
               ? RT_OK
               : rt_task_wrong_output(*shape, "%s, the shape of the targets", rt_dims_text(y));
}

static rt_tensor *loss(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                       double *weight)
{
    const options *o = t->state;
    rt_tensor *y = rt_to_device(rt_batch_field(b, "y"), rt_device_of(results[0]));
    *weight = (double)(b->n * o->targets);
    return o->absolute ? rt_l1_loss(results[0], y, .reduction = RT_SUM)
                       : rt_mse_loss(results[0], y, .reduction = RT_SUM);
}

static rt_status score(const rt_task *t, rt_tensor *const *results, const rt_batch *b, double *sums)
{
    const options *o = t->state;
    const float *guess = rt_f32(rt_contiguous(results[0])), *y = rt_f32(rt_batch_field(b, "y"));
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

/* Returns R2 of a target. For one that is constant, as far as the sums show: 1 if all predictions are right, else
 * 0. */
static double r2_of(const double *s)
{
    double deviation = s[SQUARE] - s[VALUE] * s[VALUE] / s[SAMPLES];
    if (deviation > 1e-12 * s[SQUARE])
        return 1 - s[SQUARED_ERROR] / deviation;
    return s[SQUARED_ERROR] == 0 ? 1 : 0 * s[SQUARED_ERROR]; /* NaN if the errors are NaN */
}

static void report_metrics(const rt_task *t, const double *sums, rt_metrics *out)
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

const rt_task_row rt__task_regression = {
    .name = "regression",
    .target = "y",
    .results = {"predictions"},
    .target_name = "targets",
    .fits = fits,
    .open = open,
    .outputs = outputs_of,
    .check = check,
    .loss = loss,
    .score = score,
    .tell = report_metrics,
};
