/* Normally distributed floats that lie in a range, by inversion: the normal distribution function of x is (1 + erf(z / sqrt(2))) / 2,
 * z = (x - mean) / std, so erfinv of numbers uniform between the values of erf at the ends gives z. In a tail, where erf is too near to 1 for
 * that, by rejection: Robert, "Simulation of truncated normal variables", Statistics and Computing 5, 1995. */
#include "common/base/error.h"
#include "worker/engine/random/attempts.h"
#include <math.h>
#include <ringtorch/random.h>

#define TRUNC_NORMAL_FIELDS(F)                                                                     \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of the result")                                             \
    F(NUMBER, mean, 0, RT_ANY, "of the whole distribution")                                        \
    F(NUMBER, std, 1, RT_FROM(0x1p-126), "its standard deviation")                                 \
    F(NUMBER, low, -2, RT_ANY, "the least number, may be -infinity")                               \
    F(NUMBER, high, 2, RT_ANY, "the largest, may be infinity")
typedef struct RT_DESIGNATED trunc_normal_args {
    RT_STRUCT(TRUNC_NORMAL_FIELDS)
} trunc_normal_args;

static rt_status trunc_normal_infer(rt_call *c)
{
    const trunc_normal_args *a = c->args;
    if (!(a->low < a->high) || !isfinite(a->mean) || !isfinite(a->std))
        return RT_FAIL(RANGE,
                       "trunc_normal: mean %g, std %g, from %g to %g: expected a finite mean "
                       "and std, and the lower end first",
                       a->mean, a->std, a->low, a->high);
    return rt_result(c, 0, a->shape, RT_F32);
}

/* Returns erf at an end, a scalar of float64. */
static rt_tensor *erf_at(const trunc_normal_args *a, double end)
{
    return rt_erf(rt_full(rt_shape(), (end - a->mean) / a->std * M_SQRT1_2, RT_F64));
}

/* From so many standard deviations on an interval is a tail: float64 has seven digits of what erf lacks to 1. */
static const double TAIL = 6;

/* Returns float64 numbers e from 0 to b - a with the density of z = a + e of the standard normal distribution: exponential ones with the
 * rate r = (a + sqrt(a^2 + 4)) / 2, cut at b - a, of which exp(-(z - r)^2 / 2) are accepted; r - a is 1 / r. */
static rt_tensor *tail_numbers(rt_dims dims, double a, double b)
{
    rt_rng stream = rt__next_stream();
    double rate = (a + hypot(a, 2)) / 2, mass = -expm1(-rate * (b - a));
    rt_tensor *y = rt_zeros(dims, RT_F64), *open = rt_full(dims, 1, RT_BOOL);
    for (int i = 0; !rt_failed() && rt__any_true(open); i++) {
        rt_scope scope = rt_scope_begin();
        rt_tensor *u = rt__fine_uniform_of(stream, 2 * i, dims),
                  *v = rt__fine_uniform_of(stream, 2 * i + 1, dims);
        rt_tensor *e = rt_mul_scalar(rt_log1p(rt_mul_scalar(u, -mass)), -1 / rate);
        rt_tensor *far = rt_square(rt_add_scalar(e, -1 / rate));
        rt__keep_accepted(y, open, e, rt_le(far, rt_mul_scalar(rt_log(v), -2)));
        rt_scope_end(scope);
    }
    return y;
}

/* Fills y with numbers of a tail: from the nearer end `near` on by multiples of std, negative in the lower tail. */
static rt_status fill_tail(rt_tensor *y, const trunc_normal_args *a, double near, double far)
{
    double first = fabs(near - a->mean) / a->std;
    if (!isfinite(first))
        return rt__fill(y, near);
    rt_tensor *e = tail_numbers(y->dims, first, fabs(far - a->mean) / a->std);
    rt_tensor *x = rt_add_scalar(rt_mul_scalar(e, near < a->mean ? -a->std : a->std), near);
    x = rt_clamp(rt_to(x, RT_F32), .low = a->low, .high = a->high);
    return x ? rt__copy_into(y, x) : rt_error_code();
}

static rt_status trunc_normal_run(rt_call *c)
{
    const trunc_normal_args *a = c->args;
    if (a->low - a->mean > TAIL * a->std)
        return fill_tail(c->out[0], a, a->low, a->high);
    if (a->mean - a->high > TAIL * a->std)
        return fill_tail(c->out[0], a, a->high, a->low);
    rt_tensor *u = rt__fine_uniform_of(rt__next_stream(), 0, a->shape);
    rt_tensor *low = erf_at(a, a->low), *high = erf_at(a, a->high), *width = rt_sub(high, low);
    if (!width)
        return rt_error_code();
    rt_tensor *z = rt_erfinv(rt_add(low, rt_mul(width, u)));
    z = rt_add_scalar(rt_mul_scalar(z, a->std * M_SQRT2), a->mean);
    rt_tensor *y = rt_clamp(rt_to(z, RT_F32), .low = a->low, .high = a->high);
    return y ? rt__copy_into(c->out[0], y) : rt_error_code();
}

const rt_op rt__op_trunc_normal = {
    .name = "trunc_normal",
    .help = "float32, normal with that mean and standard deviation, but from low to high",
    RT_ARGS(trunc_normal_args, TRUNC_NORMAL_FIELDS),
    .infer = trunc_normal_infer,
    .run = trunc_normal_run,
};

rt_tensor *rt_trunc_normal(rt_dims shape, double mean, double std, double low, double high)
{
    return rt_apply(
        &rt__op_trunc_normal,
        &(trunc_normal_args){.shape = shape, .mean = mean, .std = std, .low = low, .high = high});
}
