/* Connectionist temporal classification (Graves et al. 2006). A target of s classes has l = 2 s + 1 states: blanks at the even places and
 * the classes between them. With z[i] the class of state i and lp[t,i] = log_probs[t, z[i]],
 *     alpha[t,i] = lp[t,i] + log sum exp of alpha[t-1,i], alpha[t-1,i-1], alpha[t-1,i-2]
 *     beta[t,i] = log sum exp of (beta + lp)[t+1,i], (beta + lp)[t+1,i+1], (beta + lp)[t+1,i+2]
 *     loss = -log sum exp of alpha[end,l-1], alpha[end,l-2]
 * where a step of two is allowed from one class to a different one. The gradient by the logits whose logarithms of softmax are log_probs is
 *     d[t,c] = exp(log_probs[t,c]) - sum over the states i with z[i] = c of exp(alpha[t,i] + beta[t,i] + loss)
 * All samples of a batch are computed together, by operations on [n, l]. */
#include "common/base/error.h"
#include "worker/engine/ops/loss/loss.h"

/* ---- the states of the targets ---- */

#define STATES_FIELDS(F)                                                                           \
    F(INPUT, targets, RT_NEEDED, RT_TYPE(I64), "[n, s], or [sum of the lengths]")                  \
    F(INPUT, input_lengths, RT_NEEDED, RT_TYPE(I64), "[n]")                                        \
    F(INPUT, target_lengths, RT_NEEDED, RT_TYPE(I64), "[n]")
typedef struct RT_DESIGNATED states_args {
    RT_STRUCT(STATES_FIELDS)
    int64_t times, classes, blank, longest; /* longest: of the targets */
} states_args;

/* z: [n, l], the classes; skip: float32 [n, l], 0 where a step of two may lead to, else -inf. */
static rt_status states_infer(rt_call *c)
{
    const states_args *a = c->args;
    rt_dims dims = rt_shape(c->in[1]->numel, 2 * a->longest + 1);
    RT_TRY(rt_result(c, 0, dims, RT_I64));
    return rt_result(c, 1, dims, RT_F32);
}

static rt_status check_length(const char *what, int64_t sample, int64_t length, int64_t most)
{
    if (length >= 0 && length <= most)
        return RT_OK;
    return RT_FAIL(RANGE, "ctc_loss: %s %lld is %lld, expected 0 to %lld", what, (long long)sample,
                   (long long)length, (long long)most);
}

/* Writes the states of a target of that length. */
static rt_status write_states(const states_args *a, int64_t sample, const int64_t *target,
                              int64_t length, int64_t *z, float *skip)
{
    for (int64_t i = 0; i < 2 * a->longest + 1; i++) {
        z[i] = i % 2 && i / 2 < length ? target[i / 2] : a->blank;
        if (z[i] < 0 || z[i] >= a->classes)
            return RT_FAIL(RANGE, "ctc_loss: class %lld in target %lld, expected 0 to %lld",
                           (long long)z[i], (long long)sample, (long long)a->classes - 1);
        bool differs = i % 2 && i >= 2 && z[i] != a->blank && z[i] != z[i - 2];
        skip[i] = differs ? 0 : -__builtin_inff();
    }
    return RT_OK;
}

static rt_status states_run(rt_call *c)
{
    const states_args *a = c->args;
    const rt_tensor *targets = c->in[0];
    if (!rt__on_host(c))
        return rt__no_kernel(c, "ctc_states");
    const int64_t *in = c->in[1]->data, *lengths = c->in[2]->data, *target = targets->data;
    int64_t rest = targets->numel, l = 2 * a->longest + 1;
    for (int64_t i = 0; i < c->in[1]->numel; i++) {
        bool padded = targets->dims.n == 2;
        RT_TRY(check_length("input length", i, in[i], a->times));
        RT_TRY(check_length("target length", i, lengths[i], padded ? targets->dims.d[1] : rest));
        RT_TRY(write_states(a, i, target, lengths[i], (int64_t *)c->out[0]->data + i * l,
                            (float *)c->out[1]->data + i * l));
        target += padded ? targets->dims.d[1] : lengths[i];
        rest -= lengths[i];
    }
    return RT_OK;
}

static const rt_op states_op = {
    .name = "ctc_states",
    RT_INTERNAL_ARGS(states_args, STATES_FIELDS),
    .n_out = 2,
    .infer = states_infer,
    .run = states_run,
};

/* ---- the recursions ---- */

#define LOSS_FIELDS(F)                                                                             \
    F(INPUT, log_probs, RT_NEEDED, RT_TYPE(F32) | RT_TYPE(F64), "[t, n, classes]")                 \
    F(INPUT, z, RT_NEEDED, RT_TYPE(I64), "[n, l]")                                                 \
    F(INPUT, skip, RT_NEEDED, RT_TYPE(F32), "[n, l]")                                              \
    F(INPUT, input_lengths, RT_NEEDED, RT_TYPE(I64), "[n]")                                        \
    F(INPUT, target_lengths, RT_NEEDED, RT_TYPE(I64), "[n]")
typedef struct RT_DESIGNATED loss_args {
    RT_STRUCT(LOSS_FIELDS)
} loss_args;

/* Returns logarithms of 0. */
static rt_tensor *log_of_zero(rt_dims dims, rt_dtype dtype)
{
    return rt_full(dims, -__builtin_inf(), dtype);
}

/* Returns log(exp(a) + exp(b) + exp(c)); -inf if all three are. */
static rt_tensor *log_sum(rt_tensor *a, rt_tensor *b, rt_tensor *c)
{
    rt_tensor *m = rt_clamp(rt_maximum(rt_maximum(a, b), c), .low = -1e30);
    rt_tensor *sum =
        rt_add(rt_add(rt_exp(rt_sub(a, m)), rt_exp(rt_sub(b, m))), rt_exp(rt_sub(c, m)));
    return rt_add(rt_log(sum), m);
}

/* Returns lp [t, n, l], the logarithms of the states' probabilities. */
static rt_tensor *of_states(rt_tensor *log_probs, rt_tensor *z)
{
    rt_dims at = rt_shape(log_probs->dims.d[0], z->dims.d[0], z->dims.d[1]);
    return rt_gather(log_probs, 2, rt_expand(z, at));
}

/* Returns alpha [t, n, l]. */
static rt_tensor *forward(rt_tensor *lp, rt_tensor *skip)
{
    int64_t times = lp->dims.d[0], n = lp->dims.d[1], l = lp->dims.d[2];
    rt_tensor *before = log_of_zero(rt_shape(n, 2), lp->dtype), *alpha = rt_empty_like(lp);
    rt_tensor *starts = rt_lt(rt_arange(0, (double)l, 1, RT_I64), rt_full(rt_shape(), 2, RT_I64));
    rt_tensor *start = rt_where(starts, rt_full(rt_shape(), 0, lp->dtype), /* in state 0 or 1 */
                                log_of_zero(rt_shape(), lp->dtype));
    for (int64_t t = 0; t < times && !rt_failed(); t++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *now = rt_select(lp, 0, t), *y;
        if (t == 0) {
            y = rt_add(now, start);
        } else {
            rt_tensor *last = rt_select(alpha, 0, t - 1);
            rt_tensor *from = rt_cat((rt_tensor *[]){before, last}, 2, 1);
            y = rt_add(
                log_sum(last, rt_narrow(from, 1, 1, l), rt_add(rt_narrow(from, 1, 0, l), skip)),
                now);
        }
        rt_copy_into(rt_select(alpha, 0, t), y);
        rt_scope_end(s);
    }
    return alpha;
}

/* Returns a float [n, l]: 0 in the last two states of each target, where alignments end, else -inf. */
static rt_tensor *last_states(rt_tensor *z, rt_tensor *target_lengths, rt_dtype dtype)
{
    rt_tensor *last = rt_unsqueeze(rt_mul_scalar(target_lengths, 2), 1);
    rt_tensor *state = rt_arange(0, (double)z->dims.d[1], 1, RT_I64), *d = rt_sub(last, state);
    rt_tensor *ends = rt_eq(rt_mul(d, rt_add_scalar(d, -1)), rt_full(rt_shape(), 0, RT_I64));
    return rt_where(ends, rt_full(rt_shape(), 0, dtype), log_of_zero(rt_shape(), dtype));
}

/* Returns beta [t, n, l], which is -inf at times after the end of an input. */
static rt_tensor *backward(rt_tensor *lp, rt_tensor *skip, rt_tensor *ends,
                           rt_tensor *input_lengths)
{
    int64_t times = lp->dims.d[0], n = lp->dims.d[1], l = lp->dims.d[2];
    rt_tensor *after = log_of_zero(rt_shape(n, 2), lp->dtype), *beta = rt_empty_like(lp);
    rt_tensor *next_skip = rt_narrow(
        rt_cat((rt_tensor *[]){skip, log_of_zero(rt_shape(n, 2), RT_F32)}, 2, 1), 1, 2, l);
    for (int64_t t = times - 1; t >= 0 && !rt_failed(); t--) {
        rt_scope s = rt_scope_begin();
        rt_tensor *is_end =
            rt_eq(rt_unsqueeze(input_lengths, 1), rt_full(rt_shape(), (double)(t + 1), RT_I64));
        rt_tensor *y = log_of_zero(rt_shape(n, l), lp->dtype);
        if (t + 1 < times) {
            rt_tensor *next = rt_add(rt_select(beta, 0, t + 1), rt_select(lp, 0, t + 1));
            rt_tensor *from = rt_cat((rt_tensor *[]){next, after}, 2, 1);
            y = log_sum(next, rt_narrow(from, 1, 1, l),
                        rt_add(rt_narrow(from, 1, 2, l), next_skip));
        }
        rt_copy_into(rt_select(beta, 0, t), rt_where(is_end, ends, y));
        rt_scope_end(s);
    }
    return beta;
}

/* Returns the losses [n]: from alpha at the last time of each input. An input of length 0 has only one alignment, with no target. */
static rt_tensor *losses_of(rt_tensor *alpha, rt_tensor *ends, rt_tensor *input_lengths,
                            rt_tensor *target_lengths)
{
    int64_t times = alpha->dims.d[0], n = alpha->dims.d[1], l = alpha->dims.d[2];
    rt_tensor *zero = rt_full(rt_shape(), 0, alpha->dtype);
    rt_tensor *nothing = rt_where(rt_eq(target_lengths, rt_full(rt_shape(), 0, RT_I64)), zero,
                                  rt_neg(log_of_zero(rt_shape(), alpha->dtype)));
    if (times == 0)
        return nothing;
    rt_tensor *at =
        rt_reshape(rt_clamp(rt_add_scalar(input_lengths, -1), .low = 0), rt_shape(1, n, 1));
    rt_tensor *last = rt_squeeze(rt_gather(alpha, 0, rt_expand(at, rt_shape(1, n, l))), 0);
    last = rt_add(last, ends);
    rt_tensor *m = rt_clamp(rt_amax(last, rt_shape(1), .keep_dim = true), .low = -1e30);
    rt_tensor *sum = rt_sum(rt_exp(rt_sub(last, m)), rt_shape(1));
    rt_tensor *losses = rt_neg(rt_add(rt_log(sum), rt_squeeze(m, 1)));
    return rt_where(rt_gt(input_lengths, rt_full(rt_shape(), 0, RT_I64)), losses, nothing);
}

/* ---- the gradient ---- */

#define GRAD_FIELDS(F)                                                                             \
    LOSS_FIELDS(F)                                                                                 \
    F(INPUT, alpha, RT_NEEDED, RT_TYPE(F32) | RT_TYPE(F64), "[t, n, l]")                           \
    F(INPUT, losses, RT_NEEDED, RT_TYPE(F32) | RT_TYPE(F64), "[n]")                                \
    F(INPUT, dlosses, RT_NEEDED, RT_TYPE(F32) | RT_TYPE(F64), "[n]")
typedef struct RT_DESIGNATED grad_args {
    RT_STRUCT(GRAD_FIELDS)
} grad_args;

/* A loss that gets no gradient, such as an infinite one that counts as 0, has none, whatever it is. */
static rt_status grad_run(rt_call *c)
{
    rt_tensor *log_probs = c->in[0], *z = c->in[1], *skip = c->in[2], *lengths = c->in[3],
              *alpha = c->in[5], *losses = c->in[6], *dlosses = c->in[7];
    rt_dims d = log_probs->dims, per_sample = rt_shape(d.d[1], 1);
    rt_tensor *lp = of_states(log_probs, z),
              *beta = backward(lp, skip, last_states(z, c->in[4], lp->dtype), lengths);
    rt_tensor *share =
        rt_exp(rt_add(rt_add(alpha, beta), rt_reshape(losses, per_sample))); /* [t, n, l] */
    rt_tensor *sums = rt__scatter_add(share, 2, rt_contiguous(rt_expand(z, alpha->dims)), d);
    rt_tensor *dx = rt_mul(rt_sub(rt_exp(log_probs), sums), rt_reshape(dlosses, per_sample));
    rt_tensor *zero = rt_full(rt_shape(), 0, dx ? dx->dtype : RT_F32);
    rt_tensor *time = rt_reshape(rt_arange(0, (double)d.d[0], 1, RT_I64), rt_shape(d.d[0], 1, 1));
    dx = rt_where(rt_lt(time, rt_reshape(lengths, per_sample)), dx, zero);
    dx = rt_where(rt_eq(rt_reshape(dlosses, per_sample), zero), zero, dx);
    return dx ? rt__copy_into(c->out[0], dx) : rt_error_code();
}

static void refuse(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c, (void)dy, (void)dx;
    RT_FAIL(UNSUPPORTED, "ctc_loss: second derivatives are not supported");
}

static const rt_op grad_op = {
    .name = "ctc_loss_grad",
    RT_INTERNAL_ARGS(grad_args, GRAD_FIELDS),
    .infer = rt__infer_like_first,
    .run = grad_run,
    .backward = refuse,
};

/* ---- the losses of the samples ---- */

static rt_status losses_infer(rt_call *c)
{
    return rt_result(c, 0, rt_shape(c->in[0]->dims.d[1]), c->in[0]->dtype);
}

static rt_status losses_run(rt_call *c)
{
    rt_tensor *z = c->in[1];
    rt_tensor *lp = of_states(c->in[0], z), *alpha = lp ? forward(lp, c->in[2]) : NULL;
    if (rt_failed())
        return rt_error_code();
    rt_tensor *ends = last_states(z, c->in[4], lp->dtype);
    c->saved[0] = alpha;
    return rt__copy_into(c->out[0], losses_of(alpha, ends, c->in[3], c->in[4]));
}

static void losses_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_apply(&grad_op, &(grad_args){.log_probs = c->in[0],
                                            .z = c->in[1],
                                            .skip = c->in[2],
                                            .input_lengths = c->in[3],
                                            .target_lengths = c->in[4],
                                            .alpha = c->saved[0],
                                            .losses = c->out[0],
                                            .dlosses = dy[0]});
}

static const rt_op losses_op = {
    .name = "ctc_loss",
    RT_INTERNAL_ARGS(loss_args, LOSS_FIELDS),
    .infer = losses_infer,
    .run = losses_run,
    .backward = losses_backward,
    .saves_in = 31,
    .saves_out = 1,
    .n_saved = 1,
};

/* ---- any shapes, reduced ---- */

static rt_status check(const rt_ctc_loss_args *a)
{
    rt_dims x = a->log_probs->dims, s = a->targets->dims;
    int64_t n = x.n == 3 ? x.d[1] : 1;
    if (x.n < 2 || x.n > 3 || s.n < 1 || s.n > 2 || (s.n == 2 && s.d[0] != n))
        return RT_FAIL(SHAPE,
                       "ctc_loss: log_probs %s and targets %s, expected [t,n,classes] and "
                       "[n,s]",
                       rt_dims_text(x), rt_dims_text(s));
    rt_dims lengths = {.d = {n}, .n = x.n - 2};
    const rt_tensor *l[] = {a->input_lengths, a->target_lengths};
    for (int i = 0; i < 2; i++)
        if (!rt__dims_equal(l[i]->dims, lengths) && !(n == 1 && l[i]->numel == 1))
            return RT_FAIL(SHAPE, "ctc_loss: %s_lengths %s, expected %s for log_probs %s",
                           i ? "target" : "input", rt_dims_text(l[i]->dims), rt_dims_text(lengths),
                           rt_dims_text(x));
    if (a->blank >= x.d[x.n - 1])
        return RT_FAIL(RANGE, "ctc_loss: blank is %lld, expected a class, 0 to %lld",
                       (long long)a->blank, (long long)x.d[x.n - 1] - 1);
    return RT_OK;
}

static rt_tensor *sample_losses(const rt_ctc_loss_args *a, rt_tensor *input_lengths,
                                rt_tensor *target_lengths)
{
    rt_tensor *x = a->log_probs->dims.n == 3 ? a->log_probs : rt_unsqueeze(a->log_probs, 1);
    if (!x || !target_lengths)
        return NULL;
    int64_t longest = target_lengths->numel > 0 ? rt__whole_item(rt_amax(target_lengths)) : 0;
    states_args states = {.targets = a->targets,
                          .input_lengths = input_lengths,
                          .target_lengths = target_lengths,
                          .times = x->dims.d[0],
                          .classes = x->dims.d[2],
                          .blank = a->blank,
                          .longest = longest};
    if (longest > a->targets->numel || longest < 0)
        return RT_FAIL_NULL(RANGE, "ctc_loss: a target length is %lld, but targets are %s",
                            (long long)longest, rt_dims_text(a->targets->dims));
    rt_tensor *z[2] = {0};
    if (rt_apply_all(&states_op, &states, z, 2) != RT_OK)
        return NULL;
    return rt_apply(&losses_op, &(loss_args){.log_probs = x,
                                             .z = z[0],
                                             .skip = z[1],
                                             .input_lengths = input_lengths,
                                             .target_lengths = target_lengths});
}

RT_COMPOSITE(ctc_loss, rt_ctc_loss_args, RT_CTC_LOSS_FIELDS,
             "y = -log of the sum of the probabilities of all alignments, reduced",
             .derivatives = 1)
{
    if (check(a) != RT_OK)
        return NULL;
    rt_dims each = rt_shape(a->log_probs->dims.n == 3 ? a->log_probs->dims.d[1] : 1);
    rt_tensor *lengths = rt_reshape(a->target_lengths, each);
    rt_tensor *losses = sample_losses(a, rt_reshape(a->input_lengths, each), lengths);
    if (!losses)
        return NULL;
    if (a->zero_infinity) {
        rt_tensor *infinity = rt_full(rt_shape(), __builtin_inf(), losses->dtype);
        losses = rt_where(rt_eq(losses, infinity), rt_full(rt_shape(), 0, losses->dtype), losses);
    }
    if (a->reduction == RT_MEAN)
        losses = rt_div(losses, rt_to(rt_clamp(lengths, .low = 1), losses->dtype));
    if (a->reduction == RT_NONE && a->log_probs->dims.n == 2)
        return rt_reshape(losses, rt_shape());
    return rt__loss_reduced(losses, a->reduction);
}

rt_tensor *rt_ctc_loss_(rt_ctc_loss_args a)
{
    return rt__loss_apply(&rt__op_ctc_loss, &a, a.reduction);
}
