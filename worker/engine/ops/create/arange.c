/* Numbers that are evenly spaced. */
#include <math.h>
#include "common/error.h"
#include "worker/engine/ops/ops.h"

#define ARANGE_FIELDS(F)                                                                           \
    F(NUMBER, start, 0, RT_ANY, "the first one")                                                   \
    F(NUMBER, end, RT_NEEDED, RT_ANY, "all lie before it")                                         \
    F(NUMBER, step, 1, RT_ANY, "from one to the next; not 0")                                      \
    F(DTYPE, dtype, RT_I64, RT_ANY, "of the numbers; not bool")
typedef struct arange_args {
    RT_STRUCT(ARANGE_FIELDS)
} arange_args;

/* What integers of that type lie between: -end or 0, and end; of a float type, infinity. */
static double end_of(rt_dtype dtype)
{
    return dtype == RT_I64 ? 0x1p63 : dtype == RT_I32 ? 0x1p31 : dtype == RT_U8 ? 256 : INFINITY;
}

static bool holds(rt_dtype dtype, double v)
{
    return v < end_of(dtype) && v >= (dtype == RT_U8 ? 0 : -end_of(dtype));
}

/* What a type of integers makes of a number before anything is computed, as in PyTorch. */
static double as(rt_dtype dtype, double v)
{
    return rt__dtype_is_float(dtype) ? v : trunc(v);
}

static rt_status arange_infer(rt_call *c)
{
    const arange_args *a = c->args;
    if (a->dtype == RT_BOOL)
        return RT_FAIL(DTYPE, "arange: bool, expected a type of numbers");
    double start = as(a->dtype, a->start), step = as(a->dtype, a->step);
    double count = a->dtype == RT_I64 ? ceil((trunc(a->end) - start) / step)
                                      : ceil((a->end - a->start) / a->step);
    if (step == 0 || !isfinite(count))
        return RT_FAIL(RANGE, "arange: from %g to %g by steps of %g never ends", a->start, a->end,
                       a->step);
    if (count > 9e15)
        return RT_FAIL(RANGE, "arange: %g elements are more than any memory holds", count);
    double last = start + (count - 1) * step;
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
    e->kernels->arange[y->dtype](e, y->numel, as(y->dtype, a->start), as(y->dtype, a->step),
                                 y->data);
    return RT_OK;
}

const rt_op rt__op_arange = {
    .name = "arange",
    .help =
        "y[i] = start + i * step, as long as that is before end; integers cut start and step first",
    RT_ARGS(arange_args, ARANGE_FIELDS),
    .infer = arange_infer,
    .run = arange_run,
};

rt_tensor *rt_arange(double start, double end, double step, rt_dtype dtype)
{
    return rt_apply(&rt__op_arange, &(arange_args){start, end, step, dtype});
}
