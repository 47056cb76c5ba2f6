/* Batch normalisation, as torch.nn.BatchNorm2d and SyncBatchNorm: uses the statistics of the batch in training and the running statistics
 * in evaluation.
 *
 * In a training run that is cut into slices, batch_norm2d normalises each slice by the slice's own statistics; once per step the running
 * statistics move towards the mean over the slices, each weighted by its number of samples. sync_batch_norm normalises all slices by the
 * statistics of the whole batch, and the running statistics move towards those. */
#include "common/base/error.h"
#include "worker/engine/nn/layers.h"
#include "worker/engine/ops/norm/channels.h"
#include <ringtorch/exchange.h>

typedef struct batch_norm {
    rt_module base;
    rt_tensor *weight, *bias;              /* [in]; NULL: not affine */
    rt_tensor *running_mean, *running_var; /* [in] */
    rt_tensor *batches;                    /* num_batches_tracked, [] */
    double eps, momentum;
} batch_norm;

/* ---- normalising by a batch ---- */

/* Updates the running statistics. The running variance estimates that of the population, of which the batch is a sample, so it is
 * corrected. count: values per channel. */
static rt_status observe(batch_norm *b, rt_tensor *mean, rt_tensor *var, double count)
{
    rt_tensor *corrected = rt_mul_scalar(rt_detach(var), count / (count - 1));
    rt_tensor *batches =
        /* rounded, because averaging over slices may have made it fractional */
        rt_add_scalar(rt_round(b->batches), 1);
    RT_TRY(rt_nn_observe(&b->base, "running_mean", rt_detach(mean), b->momentum));
    RT_TRY(rt_nn_observe(&b->base, "running_var", corrected, b->momentum));
    return rt_nn_observe(&b->base, "num_batches_tracked", batches, 1);
}

static double count_of(rt_dims d)
{
    double count = (double)d.d[0];
    for (int i = 2; i < d.n; i++)
        count *= (double)d.d[i];
    return count;
}

/* Fails unless `count` values have a variance. */
static rt_status check_count(const batch_norm *b, rt_dims d, double count)
{
    if (count >= 2)
        return RT_OK;
    return RT_FAIL(SHAPE,
                   "%s: %s has %g value%s per channel, too few for a variance: use more samples in "
                   "a batch, or in a slice of it",
                   b->base.type->name, rt_dims_text(d), count, count == 1 ? "" : "s");
}

static rt_tensor *normalize(batch_norm *b, rt_tensor *x)
{
    double count = count_of(rt_dims_of(x));
    if (check_count(b, rt_dims_of(x), count) != RT_OK)
        return NULL;
    rt_batch_norm_results r = rt_batch_norm(x, b->weight, b->bias, b->eps);
    return r.y && observe(b, r.mean, r.var, count) == RT_OK ? r.y : NULL;
}

static rt_tensor *normalize_with_all(batch_norm *b, rt_tensor *x)
{
    rt_tensor *m[2];
    int64_t count;
    if (rt__whole_moments(x, m, &count) != RT_OK ||
        check_count(b, rt_dims_of(x), (double)count) != RT_OK ||
        observe(b, m[0], m[1], (double)count) != RT_OK)
        return NULL;
    return rt__channels_normalize(x, m[0], m[1], b->weight, b->bias, b->eps);
}

/* ---- layers ---- */

static rt_tensor *batch_norm2d_forward(rt_module *m, rt_tensor *x)
{
    batch_norm *b = (batch_norm *)m;
    rt_dims d = rt_dims_of(x);
    if (d.n != 4 || d.d[1] != rt_numel(b->running_mean))
        return RT_FAIL_NULL(SHAPE, "batch_norm2d: %s, expected [n, %lld, height, width]",
                            rt_dims_text(d), (long long)rt_numel(b->running_mean));
    if (!m->training)
        return rt_batch_norm_by(x, b->running_mean, b->running_var, b->weight, b->bias, b->eps);
    return normalize(b, x);
}

static rt_tensor *sync_batch_norm_forward(rt_module *m, rt_tensor *x)
{
    batch_norm *b = (batch_norm *)m;
    rt_dims d = rt_dims_of(x);
    if (d.n < 2 || d.d[1] != rt_numel(b->running_mean))
        return RT_FAIL_NULL(SHAPE, "sync_batch_norm: %s, expected [n, %lld, ...]", rt_dims_text(d),
                            (long long)rt_numel(b->running_mean));
    if (!m->training)
        return rt_batch_norm_by(x, b->running_mean, b->running_var, b->weight, b->bias, b->eps);
    return rt_exchange_slices() > 1 ? normalize_with_all(b, x) : normalize(b, x);
}

static rt_tensor *add_buffer(rt_module *m, const char *name, rt_dims shape, double value,
                             unsigned more)
{
    rt_scope s = rt_scope_begin();
    rt_tensor *t = rt_nn_buffer(m, name, rt_full(shape, value, RT_F32), RT_PERSISTENT | more);
    rt_scope_end(s);
    return t;
}

/* Both layers have the same rows, and so the same argument struct. */
typedef rt_nn_batch_norm2d_args batch_norm_args;

static rt_module *new_batch_norm(rt_layer_id id, const rt_module_type *type,
                                 const batch_norm_args *a)
{
    batch_norm *b = rt__layer_fits(id, a) ? rt_nn_new(type) : NULL;
    if (!b)
        return NULL;
    rt_module *m = &b->base;
    b->eps = a->eps;
    b->momentum = a->momentum;
    if (a->affine) {
        b->weight = rt_nn_param_constant(m, "weight", rt_shape(a->in), 1);
        b->bias = rt_nn_param_constant(m, "bias", rt_shape(a->in), 0);
    }
    b->running_mean = add_buffer(m, "running_mean", rt_shape(a->in), 0, 0);
    b->running_var = add_buffer(m, "running_var", rt_shape(a->in), 1, RT_NOT_NEGATIVE);
    b->batches = add_buffer(m, "num_batches_tracked", rt_shape(), 0, RT_NOT_NEGATIVE);
    return rt_failed() ? NULL : m;
}

rt_module *rt_nn_batch_norm2d_(rt_nn_batch_norm2d_args a)
{
    static const rt_module_type type = {"batch_norm2d", sizeof(batch_norm), batch_norm2d_forward,
                                        NULL};
    return new_batch_norm(RT_LAYER_batch_norm2d, &type, &a);
}

rt_module *rt_nn_sync_batch_norm_(rt_nn_sync_batch_norm_args a)
{
    static const rt_module_type type = {"sync_batch_norm", sizeof(batch_norm),
                                        sync_batch_norm_forward, NULL};
    return new_batch_norm(
        RT_LAYER_sync_batch_norm, &type,
        &(batch_norm_args){.in = a.in, .eps = a.eps, .momentum = a.momentum, .affine = a.affine});
}

static rt_status batch_norm2d_infer(void *args, rt_nn_sample *at)
{
    if (at->dims.n != 3)
        return RT_FAIL(CONFIG, "needs an input [channels, height, width], got %s",
                       rt_dims_text(at->dims));
    ((rt_nn_batch_norm2d_args *)args)->in = at->dims.d[0];
    return RT_OK;
}

static rt_status sync_batch_norm_infer(void *args, rt_nn_sample *at)
{
    if (at->dims.n < 1)
        return RT_FAIL(CONFIG, "needs an input [channels, ...], got %s", rt_dims_text(at->dims));
    ((rt_nn_sync_batch_norm_args *)args)->in = at->dims.d[0];
    return RT_OK;
}

RT__LAYER(batch_norm2d, batch_norm2d_infer)
RT__LAYER(sync_batch_norm, sync_batch_norm_infer)
