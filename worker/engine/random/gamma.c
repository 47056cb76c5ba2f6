/* Gamma-distributed floats by the rejection method of Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26,
 * 2000: with d = alpha - 1/3, c = 1 / sqrt(9 d), x normal, v = (1 + c x)^3 and u uniform, d v is accepted if v > 0 and
 * log(u) < x^2 / 2 + d (1 - v + log(v)), which happens in 19 of 20 attempts at least. For alpha below 1 it is the number of alpha + 1
 * times u^(1 / alpha). */
#include "worker/engine/random/attempts.h"
#include <math.h>
#include <ringtorch/random.h>

#define GAMMA_FIELDS(F)                                                                            \
    F(INPUT, alpha, RT_NEEDED, RT_TYPE(F32), "any shape; NaN where it is not more than 0")
typedef struct RT_DESIGNATED gamma_args {
    RT_STRUCT(GAMMA_FIELDS)
} gamma_args;

/* Of elements that have been sampled already, and of those that have not. */
typedef struct sampling {
    rt_tensor *y;    /* the numbers so far; NaN before */
    rt_tensor *open; /* bool: without a number yet */
} sampling;

/* Makes one attempt for all elements. */
static void attempt(sampling *s, rt_tensor *d, rt_tensor *c, rt_rng r)
{
    rt_tensor *x = rt__normal_of(r, s->y->dims),
              *u = rt__uniform_of(rt__attempt(r, -1), s->y->dims);
    rt_tensor *root = rt_add_scalar(rt_mul(c, x), 1), *v = rt_mul(root, rt_square(root));
    /* the logarithm of a negative v is NaN, with which the comparison is false */
    rt_tensor *gain = rt_mul(d, rt_add(rt_add_scalar(rt_neg(v), 1), rt_log(v)));
    rt_tensor *right = rt_add(rt_mul_scalar(rt_square(x), 0.5), gain);
    rt_tensor *never = rt_full(rt_shape(), 0, RT_BOOL);
    rt_tensor *accepted = rt_where(rt_lt(rt_log(u), right), s->open, never);
    s->y = rt_where(accepted, rt_mul(d, v), s->y);
    s->open = rt_where(accepted, never, s->open);
}

/* Numbers for alpha of 1 and more. */
static rt_tensor *sample(rt_tensor *alpha, rt_rng r)
{
    if (!alpha)
        return NULL;
    rt_tensor *d = rt_add_scalar(alpha, -1.0 / 3), *c = rt_rsqrt(rt_mul_scalar(d, 9));
    /* An infinite alpha has an infinite number, which no attempt would give. */
    rt_tensor *open =
        rt_logical_and(rt_ge(alpha, rt_full(rt_shape(), 1, RT_F32)), rt_isfinite(alpha));
    sampling s = {rt_where(rt_isfinite(alpha), rt_full(rt_shape(), NAN, RT_F32), alpha), open};
    for (int k = 0; s.y && s.open && rt__any_true(s.open); k++)
        attempt(&s, d, c, rt__attempt(r, 2 * k));
    return s.y;
}

static rt_status gamma_run(rt_call *c)
{
    rt_rng r = rt__next_stream();
    rt_tensor *alpha = c->in[0], *one = rt_full(rt_shape(), 1, RT_F32);
    rt_tensor *small = rt_lt(alpha, one);
    rt_tensor *y = sample(rt_where(small, rt_add_scalar(alpha, 1), alpha), r);
    rt_tensor *u = rt__uniform_of(rt__attempt(r, -2), alpha->dims);
    y = rt_where(small, rt_mul(y, rt_pow(u, rt_reciprocal(alpha))), y);
    rt_tensor *valid = rt_gt(alpha, rt_full(rt_shape(), 0, RT_F32));
    y = rt_where(valid, y, rt_full(rt_shape(), NAN, RT_F32));
    return y ? rt__copy_into(c->out[0], y) : rt_error_code();
}

const rt_op rt__op_gamma = {
    .name = "gamma",
    .help = "float32, gamma with shape alpha and rate 1",
    RT_ARGS(gamma_args, GAMMA_FIELDS),
    .infer = rt__infer_like_first,
    .run = gamma_run,
};

rt_tensor *rt_gamma(rt_tensor *alpha)
{
    return rt_apply(&rt__op_gamma, &(gamma_args){.alpha = alpha});
}
