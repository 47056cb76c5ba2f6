/* Evenly spaced numbers. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"
#include <math.h>

#define ARANGE_FIELDS(F)                                                                           \
    F(NUMBER, start, 0, RT_ANY, "the first one")                                                   \
    F(NUMBER, end, RT_NEEDED, RT_ANY, "all lie before it")                                         \
    F(NUMBER, step, 1, RT_ANY, "from one to the next; not 0")                                      \
    F(DTYPE, dtype, RT_I64, RT_ANY, "of the numbers; not bool")
typedef struct RT_DESIGNATED arange_args {
    RT_STRUCT(ARANGE_FIELDS)
} arange_args;

/* Returns the upper bound (exclusive) of an integer type; infinity for a float type. The lower
 * bound is its negative, or 0 for uint8. */
static double end_of(rt_dtype dtype)
{
    if (!rt__dtype_is_whole(dtype))
        return INFINITY;
    return dtype == RT_U8 ? 0x1p8 : ldexp(1, 8 * (int)rt_dtype_size(dtype) - 1);
}

static bool holds(rt_dtype dtype, double v)
{
    return v < end_of(dtype) && v >= (dtype == RT_U8 ? 0 : -end_of(dtype));
}

/* Truncates a number for integer types, as PyTorch does after it has counted the steps. */
static double as(rt_dtype dtype, double v)
{
    return rt__dtype_is_whole(dtype) ? trunc(v) : v;
}

/* Returns whether to count in exact integers. If a number has a fraction or lies outside int64, doubles suffice. */
static bool is_exact(const arange_args *a)
{
    const double most = 0x1p63;
    bool whole =
        a->start == trunc(a->start) && a->end == trunc(a->end) && a->step == trunc(a->step);
    return a->dtype == RT_I64 && whole && fabs(a->start) <= most && fabs(a->end) <= most &&
           fabs(a->step) <= most;
}

/* Counts int64 numbers, whose differences may not be exact as doubles; step is not 0. */
static double count_exactly(__int128 start, __int128 end, __int128 step)
{
    __int128 span = step > 0 ? end - start : start - end, stride = step > 0 ? step : -step;
    return span > 0 ? (double)((span + stride - 1) / stride) : 0;
}

static rt_status arange_infer(rt_call *c)
{
    const arange_args *a = c->args;
    if (a->dtype == RT_BOOL || rt__dtype_is_complex(a->dtype))
        return RT_FAIL(DTYPE, "arange: %s, expected a type of real numbers",
                       rt_dtype_name(a->dtype));
    double start = as(a->dtype, a->start), step = as(a->dtype, a->step);
    double count = ceil((a->end - a->start) / a->step);
    if (a->step != 0 && is_exact(a))
        count = count_exactly((__int128)a->start, (__int128)a->end, (__int128)a->step);
    if (a->step == 0 || !isfinite(count))
        return RT_FAIL(RANGE, "arange: from %g to %g by steps of %g never ends", a->start, a->end,
                       a->step);
    if (count > 9e15)
        return RT_FAIL(RANGE, "arange: %g elements are more than any memory holds", count);
    /* If both ends fit in int64 so does the last number, but as a double it could round to 2^63. */
    double last = is_exact(a) ? start : start + (count - 1) * step;
    if (count > 0 && !(holds(a->dtype, start) && holds(a->dtype, last)))
        return RT_FAIL(RANGE, "arange: from %g to %g: %s has no such numbers", a->start, a->end,
                       rt_dtype_name(a->dtype));
    return rt_result(c, 0, rt_shape(count > 0 ? (int64_t)count : 0), a->dtype);
}

static rt_status arange_run(rt_call *c)
{
    const arange_args *a = c->args;
    const rt_tensor *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    double step = as(y->dtype, a->step);
    if (y->numel == 0)
        return RT_OK; /* its start may not be representable in that type */
    if (y->dtype == RT_I64 && y->numel == 1)
        step = 0; /* the step may be larger than the kernel can take */
    e->kernels->arange[y->dtype](e, y->numel, as(y->dtype, a->start), step, y->data);
    return RT_OK;
}

const rt_op rt__op_arange = {
    .name = "arange",
    .help =
        "y[i] = start + i * step, as long as that is before end; integers then cut start and step",
    RT_ARGS(arange_args, ARANGE_FIELDS),
    .infer = arange_infer,
    .run = arange_run,
};

rt_tensor *rt_arange(double start, double end, double step, rt_dtype dtype)
{
    return rt_apply(&rt__op_arange,
                    &(arange_args){.start = start, .end = end, .step = step, .dtype = dtype});
}
