/* Indices drawn by weights. With replacement, an index is the place of a uniform number among the sums of the weights so far. Without,
 * each index gets an exponential time with its weight as the rate, and those that come first are drawn: which is next has the
 * probabilities of the weights that are left. The times are compared by their logarithms: those of weights that are very small are
 * finite, too, and come before those of weights that are 0. */
#include "common/base/error.h"
#include "worker/engine/random/attempts.h"
#include <math.h>
#include <ringtorch/random.h>

#define MULTINOMIAL_FIELDS(F)                                                                      \
    F(INPUT, weights, RT_NEEDED, RT_FLOATS, "[c] or [n, c], of each index: 0 or more")             \
    F(INT, samples, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "how many are drawn from each row")        \
    F(FLAG, replacement, false, RT_ANY, "an index may be drawn again")
typedef struct RT_DESIGNATED multinomial_args {
    RT_STRUCT(MULTINOMIAL_FIELDS)
} multinomial_args;

static rt_status multinomial_infer(rt_call *c)
{
    const multinomial_args *a = c->args;
    rt_dims dims = a->weights->dims;
    if (dims.n != 1 && dims.n != 2)
        return RT_FAIL(SHAPE, "multinomial: weights is %s, expected [c] or [n, c]",
                       rt_dims_text(dims));
    if (dims.d[dims.n - 1] == 0)
        return RT_FAIL(SHAPE, "multinomial: weights is %s: there is no index to draw",
                       rt_dims_text(dims));
    if (!a->replacement && a->samples > dims.d[dims.n - 1])
        return RT_FAIL(RANGE, "multinomial: %lld samples without replacement of %lld indices",
                       (long long)a->samples, (long long)dims.d[dims.n - 1]);
    dims.d[dims.n - 1] = a->samples;
    return rt_result(c, 0, dims, RT_I64);
}

/* Fails if a weight is not allowed, or a row has fewer weights that are not 0 than it needs. */
static rt_status check(const multinomial_args *a, rt_tensor *w)
{
    rt_tensor *zero = rt_full(rt_shape(), 0, RT_F64);
    rt_tensor *wrong = rt_logical_not(rt_logical_and(rt_ge(w, zero), rt_isfinite(w)));
    if (rt__any_true(wrong))
        return RT_FAIL(RANGE, "multinomial: a weight is negative, infinite or NaN");
    rt_tensor *count = rt_count_nonzero(w, rt_shape(-1));
    int64_t least = a->replacement ? 1 : a->samples;
    rt_tensor *few = rt_lt(count, rt_full(rt_shape(), (double)least, RT_I64));
    if (!rt_failed() && rt__any_true(few))
        return RT_FAIL(
            RANGE, "multinomial: row %lld has %lld weights that are not 0, expected %lld or more",
            (long long)rt__whole_item(rt_argmin(count)),
            (long long)rt__whole_item(rt_amin(rt_to(count, RT_F64))), (long long)least);
    return rt_error_code();
}

static rt_status multinomial_run(rt_call *c)
{
    const multinomial_args *a = c->args;
    rt_rng r = rt__next_stream();
    rt_tensor *w = rt_to(c->in[0], RT_F64);
    if (!w || w->numel == 0)
        return rt_error_code();
    RT_TRY(check(a, w));
    rt_tensor *y;
    if (a->replacement) {
        rt_tensor *sums = rt_cumsum(rt_div(w, rt_amax(w, rt_shape(-1), .keep_dim = true)), -1),
                  *total = rt_narrow(sums, -1, w->dims.d[w->dims.n - 1] - 1, 1);
        y = rt_searchsorted(sums, rt_mul(rt__fine_uniform_of(r, 0, c->out[0]->dims), total));
    } else {
        rt_tensor *once = rt_neg(rt_log(rt__fine_uniform_of(r, 0, w->dims)));
        rt_tensor *time = rt_sub(rt_log(once), rt_log(w));
        y = rt_topk(time, a->samples, .largest = false).index;
    }
    return y ? rt__copy_into(c->out[0], y) : rt_error_code();
}

const rt_op rt__op_multinomial = {
    .name = "multinomial",
    .help =
        "int64 [samples] or [n, samples], indices drawn with probabilities proportional to weights",
    RT_ARGS(multinomial_args, MULTINOMIAL_FIELDS),
    .infer = multinomial_infer,
    .run = multinomial_run,
};

rt_tensor *rt_multinomial(rt_tensor *weights, int64_t samples, bool replacement)
{
    return rt_apply(
        &rt__op_multinomial,
        &(multinomial_args){.weights = weights, .samples = samples, .replacement = replacement});
}
