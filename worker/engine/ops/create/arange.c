/* Numbers that are evenly spaced. */
#include <math.h>
#include "common/error.h"
#include "worker/engine/ops/ops.h"

#define ARANGE_FIELDS(F)                                                                           \
    F(NUMBER, start, 0, RT_ANY, "the first one")                                                   \
    F(NUMBER, end, RT_NEEDED, RT_ANY, "all lie before it")                                         \
    F(NUMBER, step, 1, RT_ANY, "from one to the next; not 0")                                      \
    F(DTYPE, dtype, RT_I64, RT_ANY, "int64 or float32")
typedef struct arange_args {
    RT_STRUCT(ARANGE_FIELDS)
} arange_args;

static rt_status arange_infer(rt_call *c)
{
    const arange_args *a = c->args;
    if (a->dtype != RT_I64 && a->dtype != RT_F32)
        return RT_FAIL(DTYPE, "arange: %s, expected int64 or float32", rt_dtype_name(a->dtype));
    double count = ceil((a->end - a->start) / a->step);
    if (a->step == 0 || !isfinite(count))
        return RT_FAIL(RANGE, "arange: from %g to %g by steps of %g never ends", a->start, a->end,
                       a->step);
    if (count > 9e15)
        return RT_FAIL(RANGE, "arange: %g elements are more than any memory holds", count);
    double last = a->start + (count - 1) * a->step;
    if (a->dtype == RT_I64 && count > 0 && !(fabs(a->start) < 0x1p63 && fabs(last) < 0x1p63))
        return RT_FAIL(RANGE, "arange: from %g to %g: int64 has no such numbers", a->start, a->end);
    return rt_result(c, 0, rt_shape(count > 0 ? (int64_t)count : 0), a->dtype);
}

static rt_status arange_run(rt_call *c)
{
    const arange_args *a = c->args;
    const rt_tensor *y = c->out[0];
    for (int64_t i = 0; i < y->numel; i++) {
        double v = a->start + (double)i * a->step;
        if (y->dtype == RT_I64)
            ((int64_t *)y->data)[i] = (int64_t)v;
        else
            ((float *)y->data)[i] = (float)v;
    }
    return RT_OK;
}

const rt_op rt__op_arange = {
    .name = "arange",
    .help = "y[i] = start + i * step, as long as that is before end",
    RT_ARGS(arange_args, ARANGE_FIELDS),
    .infer = arange_infer,
    .run = arange_run,
};

rt_tensor *rt_arange(double start, double end, double step, rt_dtype dtype)
{
    return rt_apply(&rt__op_arange, &(arange_args){start, end, step, dtype});
}
