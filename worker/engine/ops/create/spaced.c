/* Numbers at equal distances, and powers of them. Both halves count from their own end, so that both ends are exact. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"
#include <math.h>

/* ---- the numbers, computed in float64 and then converted ---- */

typedef struct RT_DESIGNATED spaced_args {
    double start, end;
    int64_t steps;
    rt_dtype dtype; /* not int64, whose arange counts in integers */
} spaced_args;

static rt_status spaced_infer(rt_call *c)
{
    const spaced_args *a = c->args;
    return rt_result(c, 0, rt_shape(a->steps), a->dtype);
}

static rt_status spaced_run(rt_call *c)
{
    const spaced_args *a = c->args;
    rt_tensor *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    int64_t first = a->steps > 1 ? a->steps / 2 : a->steps, rest = a->steps - first;
    double step = a->steps > 1 ? (a->end - a->start) / (double)(a->steps - 1) : 0;
    e->kernels->arange[a->dtype](e, first, a->start, step, y->data);
    if (rest == 0)
        return RT_OK;
    rt_tensor *back = rt__tensor_new(rt_shape(rest), a->dtype);
    rt_tensor *part = rt__tensor_view(y, rt_shape(rest), &(int64_t){1}, first);
    rt_tensor *reversed =
        back ? rt__tensor_view(back, rt_shape(rest), &(int64_t){-1}, rest - 1) : NULL;
    if (!part || !reversed)
        return rt_error_code();
    e->kernels->arange[a->dtype](e, rest, a->end, -step, back->data);
    rt__copy(part, reversed);
    return rt_error_code();
}

static const rt_op spaced_op = {
    .name = "spaced",
    .args_size = sizeof(spaced_args),
    .on_device = true,
    .infer = spaced_infer,
    .run = spaced_run,
};

/* Returns the numbers, of the type `computed`; dtype is that of the result, of which whole numbers have whole ends. */
static rt_tensor *spaced(const char *what, double start, double end, int64_t steps, rt_dtype dtype,
                         rt_dtype computed)
{
    bool whole = rt__dtype_is_whole(dtype); /* the ends are cut first, as PyTorch does */
    if (dtype == RT_BOOL)
        return RT_FAIL_NULL(DTYPE, "%s: bool, expected a type of numbers", what);
    return rt_apply(&spaced_op, &(spaced_args){.start = whole ? trunc(start) : start,
                                               .end = whole ? trunc(end) : end,
                                               .steps = steps,
                                               .dtype = computed});
}

/* ---- the operations ---- */

#define LINSPACE_FIELDS(F)                                                                         \
    F(NUMBER, start, RT_NEEDED, RT_ANY, "the first one")                                           \
    F(NUMBER, end, RT_NEEDED, RT_ANY, "the last one")                                              \
    F(INT, steps, RT_NEEDED, RT_FROM(0), "how many")                                               \
    F(DTYPE, dtype, RT_F32, RT_ANY, "of the result; not bool")
typedef struct RT_DESIGNATED linspace_args {
    RT_STRUCT(LINSPACE_FIELDS)
} linspace_args;

RT_COMPOSITE(linspace, linspace_args, LINSPACE_FIELDS,
             "y[i] = start + i * (end - start) / (steps - 1)", .derivatives = RT_CONSTANT)
{
    rt_tensor *y = spaced("linspace", a->start, a->end, a->steps, a->dtype,
                          a->dtype == RT_I64 ? RT_F64 : a->dtype);
    return y ? rt_to(y, a->dtype) : NULL;
}

rt_tensor *rt_linspace(double start, double end, int64_t steps, rt_dtype dtype)
{
    return rt_apply(&rt__op_linspace,
                    &(linspace_args){.start = start, .end = end, .steps = steps, .dtype = dtype});
}

#define LOGSPACE_FIELDS(F)                                                                         \
    F(NUMBER, start, RT_NEEDED, RT_ANY, "the exponent of the first one")                           \
    F(NUMBER, end, RT_NEEDED, RT_ANY, "the exponent of the last one")                              \
    F(INT, steps, RT_NEEDED, RT_FROM(0), "how many")                                               \
    F(NUMBER, base, 10, RT_ANY, "of the powers")                                                   \
    F(DTYPE, dtype, RT_F32, RT_ANY, "of the result; not bool")
typedef struct RT_DESIGNATED logspace_args {
    RT_STRUCT(LOGSPACE_FIELDS)
} logspace_args;

RT_COMPOSITE(logspace, logspace_args, LOGSPACE_FIELDS,
             "y[i] = pow(base, start + i * (end - start) / (steps - 1))",
             .derivatives = RT_CONSTANT)
{
    rt_tensor *y = spaced("logspace", a->start, a->end, a->steps, a->dtype, RT_F64);
    return y ? rt_to(rt_pow(rt_full(rt_shape(), a->base, RT_F64), y), a->dtype) : NULL;
}

rt_tensor *rt_logspace(double start, double end, int64_t steps, double base, rt_dtype dtype)
{
    return rt_apply(
        &rt__op_logspace,
        &(logspace_args){.start = start, .end = end, .steps = steps, .base = base, .dtype = dtype});
}
