/* The identity matrix. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define EYE_FIELDS(F)                                                                              \
    F(INT, n, RT_NEEDED, RT_FROM(0), "rows")                                                       \
    F(INT, m, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(0)), "columns; not given: as many as rows")           \
    F(DTYPE, dtype, RT_F32, RT_ANY, "of the result")
typedef struct RT_DESIGNATED eye_args {
    RT_STRUCT(EYE_FIELDS)
} eye_args;

static rt_status eye_infer(rt_call *c)
{
    const eye_args *a = c->args;
    return rt_result(c, 0, rt_shape(a->n, a->m == RT_NOT_GIVEN ? a->n : a->m), a->dtype);
}

static rt_status eye_run(rt_call *c)
{
    rt_tensor *y = c->out[0];
    if (y->numel == 0)
        return RT_OK;
    int64_t n = y->dims.d[0], m = y->dims.d[1], apart = m + 1;
    RT_TRY(rt__fill(y, 0));
    rt_tensor *diagonal = rt__tensor_view(y, rt_shape(n < m ? n : m), &apart, 0);
    return diagonal ? rt__fill(diagonal, 1) : rt_error_code();
}

const rt_op rt__op_eye = {
    .name = "eye",
    .help = "y[i,k] = 1 where i = k, else 0",
    RT_ARGS(eye_args, EYE_FIELDS),
    .infer = eye_infer,
    .run = eye_run,
};

rt_tensor *rt_eye_(rt_eye_args a)
{
    return rt_apply(&rt__op_eye, &(eye_args){.n = a.n, .m = a.m, .dtype = a.dtype});
}
