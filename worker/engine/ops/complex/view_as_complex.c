/* Pairs of real numbers as complex ones. dx = dy as pairs. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define VIEW_AS_COMPLEX_FIELDS(F)                                                                  \
    F(INPUT, x, RT_NEEDED, RT_TYPE(F32) | RT_TYPE(F64), "[..., 2], the parts side by side")
typedef struct RT_DESIGNATED view_as_complex_args {
    RT_STRUCT(VIEW_AS_COMPLEX_FIELDS)
} view_as_complex_args;

static rt_status view_as_complex_infer(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_dims dims = x->dims;
    int64_t stride[RT_MAX_DIMS];
    int last = dims.n - 1;
    if (last < 0 || dims.d[last] != 2)
        return RT_FAIL(SHAPE, "view_as_complex: %s, expected a last axis of 2", rt_describe(x));
    bool fits = x->stride[last] == 1;
    for (int i = 0; i < last; i++) {
        stride[i] = x->stride[i] / 2;
        fits &= x->stride[i] % 2 == 0 || dims.d[i] == 1;
    }
    if (!fits && x->numel > 0)
        return RT_FAIL(
            ARG,
            "view_as_complex: the last two elements of %s do not lie side by side, or its "
            "other strides are odd: view rt_contiguous of it",
            rt_describe(x));
    dims.n = last;
    return rt_window_as(c, x->dtype == RT_F64 ? RT_C128 : RT_C64, dims, stride, 0);
}

static void view_as_complex_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = rt_view_as_real(dy[0]);
}

const rt_op rt__op_view_as_complex = {
    .name = "view_as_complex",
    .help = "y = x[..., 0] + i x[..., 1]",
    RT_ARGS(view_as_complex_args, VIEW_AS_COMPLEX_FIELDS),
    .infer = view_as_complex_infer,
    .backward = view_as_complex_backward,
};

rt_tensor *rt_view_as_complex(rt_tensor *x)
{
    return rt_apply(&rt__op_view_as_complex, &(view_as_complex_args){.x = x});
}
