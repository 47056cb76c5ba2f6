/* Poisson-distributed numbers. For rates below 10 by inversion: the number is how many of the sums P(0), P(0) + P(1), ... lie below a uniform
 * number. For larger ones by the transformed rejection method PTRS of Hoermann, "The transformed rejection method for generating Poisson
 * random variables", Insurance: Mathematics and Economics 12, 1993, of which the names are; it accepts nine of ten attempts. All
 * in float64. */
#include "common/base/error.h"
#include "worker/engine/random/attempts.h"
#include <ringtorch/random.h>

#define POISSON_FIELDS(F)                                                                          \
    F(INPUT, rate, RT_NEEDED, RT_FLOATS, "any shape; finite numbers, 0 or more")
typedef struct RT_DESIGNATED poisson_args {
    RT_STRUCT(POISSON_FIELDS)
} poisson_args;

/* From here on the rate is one for rejection. */
static const double LARGE = 10;

static rt_tensor *number(double v)
{
    return rt_full(rt_shape(), v, RT_F64);
}

/* Returns uniform number k of the elements at these places of [n]. */
static rt_tensor *uniform_at(rt_rng r, int k, int64_t n, rt_tensor *at)
{
    return rt_take(rt__fine_uniform_of(r, k, rt_shape(n)), at);
}

/* ---- small rates ---- */

/* The sum ends at 1 less some roundings, so a few of 2^48 uniform numbers would never be reached. */
static rt_tensor *invert(rt_tensor *rate, rt_tensor *u)
{
    enum { MOST = 128, AT_ONCE = 4 };
    if (!rate || !u)
        return NULL;
    rt_tensor *p = rt_exp(rt_neg(rate)), *sum = rt_clone(p), *y = rt_zeros(rate->dims, RT_F64);
    bool done = false;
    for (int k = 1; k <= MOST && !done && !rt_failed(); k++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *below = rt_lt(sum, u);
        done = k % AT_ONCE == 0 && !rt__any_true(below);
        rt_add_inplace(y, below);
        rt_mul_inplace(p, rt_mul_scalar(rate, 1.0 / k));
        rt_add_inplace(sum, p);
        rt_scope_end(s);
    }
    return y;
}

/* ---- large rates ---- */

/* What follows from the rate alone. */
typedef struct setup {
    rt_tensor *rate, *log_rate, *a, *b, *log_inverse_alpha, *v_r;
} setup;

/* Returns scale x + shift. */
static rt_tensor *linear(rt_tensor *x, double scale, double shift)
{
    return rt_add_scalar(rt_mul_scalar(x, scale), shift);
}

static setup setup_of(rt_tensor *rate)
{
    rt_tensor *b = linear(rt_sqrt(rate), 2.53, 0.931);
    return (setup){
        .rate = rate,
        .log_rate = rt_log(rate),
        .a = linear(b, 0.02483, -0.059),
        .b = b,
        .log_inverse_alpha = rt_log(linear(rt_reciprocal(rt_add_scalar(b, -3.4)), 1.1328, 1.1239)),
        .v_r = linear(rt_reciprocal(rt_add_scalar(b, -2)), -3.6224, 0.9277),
    };
}

/* Makes attempt i of the elements at these places of [n]: returns numbers, and sets which of them are accepted. */
static rt_tensor *attempt(const setup *s, rt_rng r, int i, int64_t n, rt_tensor *at,
                          rt_tensor **accepted)
{
    rt_tensor *u = rt_add_scalar(uniform_at(r, 2 * i + 1, n, at), -0.5),
              *v = uniform_at(r, 2 * i + 2, n, at), *us = linear(rt_abs(u), -1, 0.5);
    rt_tensor *slope = rt_add(rt_div(rt_mul_scalar(s->a, 2), us), s->b);
    rt_tensor *k = rt_floor(rt_add_scalar(rt_add(rt_mul(slope, u), s->rate), 0.43));
    rt_tensor *in_box = rt_logical_and(rt_ge(us, number(0.07)), rt_le(v, s->v_r));
    rt_tensor *allowed =
        rt_logical_and(rt_ge(k, number(0)), rt_logical_or(rt_ge(us, number(0.013)), rt_le(v, us)));
    rt_tensor *width = rt_add(rt_div(s->a, rt_square(us)), s->b);
    rt_tensor *left = rt_sub(rt_add(rt_log(v), s->log_inverse_alpha), rt_log(width));
    rt_tensor *right =
        rt_sub(rt_sub(rt_mul(k, s->log_rate), s->rate), rt_lgamma(rt_add_scalar(k, 1)));
    *accepted = rt_logical_or(in_box, rt_logical_and(allowed, rt_le(left, right)));
    return k;
}

/* Writes to y the numbers of the rates at these places; of those whose attempts fail, one tenth, the next one is made. */
static void reject(rt_tensor *y, rt_tensor *rate, rt_tensor *at, rt_rng r)
{
    int64_t n = y->numel;
    for (int i = 0; at && at->numel > 0 && !rt_failed(); i++) {
        rt_scope scope = rt_scope_begin();
        setup s = setup_of(rt_take(rate, at));
        rt_tensor *accepted, *k = attempt(&s, r, i, n, at, &accepted);
        rt_index_put_inplace(y, rt_masked_select(k, accepted),
                             RT_PICK(rt_masked_select(at, accepted)));
        at = rt_scope_return(scope, rt_masked_select(at, rt_logical_not(accepted)));
    }
}

/* Returns where x [n] is true. */
static rt_tensor *places(rt_tensor *x)
{
    return rt_squeeze(rt_nonzero(x), 1);
}

static rt_status poisson_run(rt_call *c)
{
    rt_rng r = rt__next_stream();
    rt_tensor *rate = rt_to(c->in[0], RT_F64);
    rt_tensor *wrong = rt_logical_not(rt_logical_and(rt_ge(rate, number(0)), rt_isfinite(rate)));
    if (rt__any_true(wrong))
        return RT_FAIL(RANGE, "poisson: a rate is negative, infinite or NaN");
    rate = rt_reshape(rate, rt_shape(-1));
    rt_tensor *large = rt_ge(rate, number(LARGE)), *y = rt_zeros_like(rate);
    rt_tensor *small = places(rt_logical_not(large));
    if (!small || !y)
        return rt_error_code();
    if (small->numel > 0)
        rt_index_put_inplace(y, invert(rt_take(rate, small), uniform_at(r, 0, y->numel, small)),
                             RT_PICK(small));
    reject(y, rate, places(large), r);
    y = rt_to(rt_reshape(y, c->out[0]->dims), c->out[0]->dtype);
    return y ? rt__copy_into(c->out[0], y) : rt_error_code();
}

const rt_op rt__op_poisson = {
    .name = "poisson",
    .help = "Poisson-distributed with the rates, in their type",
    RT_ARGS(poisson_args, POISSON_FIELDS),
    .infer = rt__infer_like_first,
    .run = poisson_run,
};

rt_tensor *rt_poisson(rt_tensor *rate)
{
    return rt_apply(&rt__op_poisson, &(poisson_args){.rate = rate});
}
