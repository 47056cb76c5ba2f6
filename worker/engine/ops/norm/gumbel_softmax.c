/* Softmax of logits with noise from the standard Gumbel distribution (Jang et al. 2017), whose largest element is distributed as the softmax
 * of the logits says. */
#include "worker/engine/base/thread.h"
#include "worker/engine/ops/norm/rows.h"

/* g = -log(-log(u)) for u uniform in [2^-25, 1), which keeps both logarithms finite. */
static rt_status noise_run(rt_call *c)
{
    rt_tensor *y = c->out[0], *u = rt__tensor_new(y->dims, y->dtype);
    if (!u)
        return rt_error_code();
    rt_exec *e = rt_exec_of(c);
    e->kernels->uniform[y->dtype](e, rt__next_stream(), y->numel, 0x1p-25, 1, u->data);
    return rt__copy_into(y, rt_neg(rt_log(rt_neg(rt_log(u)))));
}

#define NOISE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")
typedef struct RT_DESIGNATED noise_args {
    RT_STRUCT(NOISE_FIELDS)
} noise_args;

/* Uses only the shape of x. For 16-bit floats it runs in float32, where u stays below 1. */
static const rt_op noise_op = {
    .name = "gumbel_noise",
    RT_INTERNAL_ARGS(noise_args, NOISE_FIELDS),
    .infer = rt__infer_like_first,
    .run = noise_run,
    .shapes_in = 1,
    .strided = true,
};

/* Adds to y what makes it 1 at the largest element of each row and 0 elsewhere, as a constant. */
static rt_tensor *hardened(rt_tensor *y, int64_t axis)
{
    rt_tensor *soft = rt_detach(y);
    if (!soft)
        return NULL;
    int i = rt__axis_or_scalar("gumbel_softmax", axis, y->dims.n);
    rt_tensor *best =
        y->dims.n > 0 ? rt_unsqueeze(rt_argmax(soft, i), i) : rt_full(rt_shape(), 0, RT_I64);
    rt_dims along = {.n = y->dims.n};
    for (int k = 0; k < along.n; k++)
        along.d[k] = k == i ? y->dims.d[k] : 1;
    rt_tensor *place =
        rt_reshape(rt_arange(0, y->dims.n > 0 ? (double)y->dims.d[i] : 1, 1, RT_I64), along);
    rt_tensor *hard = rt_to(rt_eq(place, best), y->dtype);
    return rt_add(rt_sub(hard, soft), y);
}

RT_COMPOSITE(gumbel_softmax, rt_gumbel_softmax_args, RT_GUMBEL_SOFTMAX_FIELDS,
             "y = softmax((x + g) / tau) along the axis, g with a Gumbel distribution")
{
    rt_tensor *noisy = rt_add(a->x, rt_apply(&noise_op, &(noise_args){.x = a->x}));
    rt_tensor *y = rt_softmax(rt_mul_scalar(noisy, 1 / a->tau), a->axis);
    return a->hard ? hardened(y, a->axis) : y;
}

rt_tensor *rt_gumbel_softmax_(rt_gumbel_softmax_args a)
{
    return rt_apply(&rt__op_gumbel_softmax, &a);
}
