/* Complex numbers as pairs of real ones. dx = dy as complex numbers. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define VIEW_AS_REAL_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_COMPLEX, "any shape")
typedef struct RT_DESIGNATED view_as_real_args {
    RT_STRUCT(VIEW_AS_REAL_FIELDS)
} view_as_real_args;

static rt_status view_as_real_infer(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_dims dims = x->dims;
    int64_t stride[RT_MAX_DIMS];
    if (dims.n == RT_MAX_DIMS)
        return RT_FAIL(SHAPE, "view_as_real: %s has no room for one more axis", rt_describe(x));
    for (int i = 0; i < dims.n; i++)
        stride[i] = (int64_t)(2 * (uint64_t)x->stride[i]); /* any number if an axis is not used */
    stride[dims.n] = 1;
    dims.d[dims.n++] = 2;
    return rt_window_as(c, rt__part_type(x->dtype), dims, stride, 0);
}

static void view_as_real_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = rt_view_as_complex(rt_contiguous(dy[0]));
}

const rt_op rt__op_view_as_real = {
    .name = "view_as_real",
    .help = "y[..., 0] and y[..., 1] are the real and the imaginary part of x",
    RT_ARGS(view_as_real_args, VIEW_AS_REAL_FIELDS),
    .infer = view_as_real_infer,
    .backward = view_as_real_backward,
};

rt_tensor *rt_view_as_real(rt_tensor *x)
{
    return rt_apply(&rt__op_view_as_real, &(view_as_real_args){.x = x});
}
