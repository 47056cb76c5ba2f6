/* Batch normalisation of planes, as torch.nn.BatchNorm2d: by the statistics of the batch in training, by running ones in evaluation.
 *
 * In a training run that is cut into slices, a slice is normalised by its own statistics; the running ones move once a step, towards the
 * mean over the slices, each with the weight of its samples. */
#include "common/error.h"
#include "worker/engine/nn/layers.h"

typedef struct batch_norm2d {
    rt_module base;
    rt_tensor *weight, *bias;              /* [in]; NULL: not affine */
    rt_tensor *running_mean, *running_var; /* [in] */
    rt_tensor *batches;                    /* num_batches_tracked, [] */
    double eps, momentum;
} batch_norm2d;

/* The running variance is one of the whole, of which the batch is a sample: it is corrected. */
static rt_status observe(batch_norm2d *b, const rt_batch_norm_results *r, double count)
{
    rt_tensor *var = rt_mul_scalar(rt_detach(r->var), count / (count - 1));
    rt_tensor *batches =
        rt_add_scalar(rt_round(b->batches), 1); /* whole, whatever means of it lost */
    RT_TRY(rt_nn_observe(&b->base, "running_mean", rt_detach(r->mean), b->momentum));
    RT_TRY(rt_nn_observe(&b->base, "running_var", var, b->momentum));
    return rt_nn_observe(&b->base, "num_batches_tracked", batches, 1);
}

static rt_tensor *batch_norm2d_forward(rt_module *m, rt_tensor *x)
{
    batch_norm2d *b = (batch_norm2d *)m;
    rt_dims d = rt_dims_of(x);
    if (d.n != 4 || d.d[1] != rt_numel(b->running_mean))
        return RT_FAIL_NULL(SHAPE, "batch_norm2d: %s, expected [n, %lld, height, width]",
                            rt_dims_text(d), (long long)rt_numel(b->running_mean));
    if (!m->training)
        return rt_batch_norm_by(x, b->running_mean, b->running_var, b->weight, b->bias, b->eps);
    double count = (double)d.d[0] * (double)d.d[2] * (double)d.d[3];
    if (count < 2)
        return RT_FAIL_NULL(SHAPE,
                            "batch_norm2d: %s has %g value%s a channel, which have no variance: "
                            "expected more samples in a batch, or in a slice of it",
                            rt_dims_text(d), count, count == 1 ? "" : "s");
    rt_batch_norm_results r = rt_batch_norm(x, b->weight, b->bias, b->eps);
    return r.y && observe(b, &r, count) == RT_OK ? r.y : NULL;
}

static rt_tensor *add_buffer(rt_module *m, const char *name, rt_dims shape, double value)
{
    rt_scope s = rt_scope_begin();
    rt_tensor *t = rt_nn_buffer(m, name, rt_full(shape, value, RT_F32), RT_PERSISTENT);
    rt_scope_end(s);
    return t;
}

rt_module *rt_nn_batch_norm2d_(rt_nn_batch_norm2d_args a)
{
    static const rt_module_type type = {"batch_norm2d", sizeof(batch_norm2d), batch_norm2d_forward,
                                        NULL};
    batch_norm2d *b = rt__layer_fits(RT_LAYER_batch_norm2d, &a) ? rt_nn_new(&type) : NULL;
    if (!b)
        return NULL;
    rt_module *m = &b->base;
    b->eps = a.eps;
    b->momentum = a.momentum;
    if (a.affine) {
        b->weight = rt__nn_constant(m, "weight", rt_shape(a.in), 1);
        b->bias = rt__nn_constant(m, "bias", rt_shape(a.in), 0);
    }
    b->running_mean = add_buffer(m, "running_mean", rt_shape(a.in), 0);
    b->running_var = add_buffer(m, "running_var", rt_shape(a.in), 1);
    b->batches = add_buffer(m, "num_batches_tracked", rt_shape(), 0);
    return rt_failed() ? NULL : m;
}

static rt_status batch_norm2d_infer(void *args, rt__sample *at)
{
    if (at->dims.n != 3)
        return RT_FAIL(CONFIG, "needs an input [channels, height, width], got %s",
                       rt_dims_text(at->dims));
    ((rt_nn_batch_norm2d_args *)args)->in = at->dims.d[0];
    return RT_OK;
}

RT__LAYER(batch_norm2d, batch_norm2d_infer)
