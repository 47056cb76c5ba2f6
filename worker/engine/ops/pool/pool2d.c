/* The geometry of pooling windows. */
#include "worker/engine/ops/pool/pool2d.h"

#include "common/base/error.h"

static rt_status check_input(const char *what, const rt_tensor *x)
{
    int n = x->dims.n;
    if (n != 3 && n != 4)
        return RT_FAIL(SHAPE, "%s: x %s, expected [n,c,h,w] or [c,h,w]", what,
                       rt_dims_text(x->dims));
    if (x->dims.d[n - 2] == 0 ||
        x->dims.d[n - 1] == 0) /* a window of only padding has no maximum */
        return RT_FAIL(SHAPE, "%s: x %s: expected h and w of 1 or more", what,
                       rt_dims_text(x->dims));
    return RT_OK;
}

/* Counts the windows along one axis: 0 for height, 1 for width. */
static rt_status count_windows(const char *what, const rt_pool2d_args *a, int axis, int64_t stride,
                               int64_t *count)
{
    int64_t kernel = a->kernel[axis], padding = a->padding[axis];
    if (padding > kernel / 2)
        return RT_FAIL(RANGE, "%s: padding is %lld, expected at most half of the kernel's %lld",
                       what, (long long)padding, (long long)kernel);
    int64_t room = a->x->dims.d[a->x->dims.n - 2 + axis] + 2 * padding - kernel;
    if (room < 0)
        return RT_FAIL(SHAPE, "%s: kernel %lld is larger than the padded input, %s", what,
                       (long long)kernel, rt_dims_text(a->x->dims));
    *count = room / stride + 1;
    return RT_OK;
}

rt_status rt__pool2d_infer(rt_call *c)
{
    const rt_pool2d_args *a = c->args;
    rt_pool2d_shape *s = c->plan;
    RT_TRY(check_input(c->op->name, a->x));
    rt_dims y = a->x->dims;
    int64_t *side = y.d + y.n - 2; /* height and width */
    *s = (rt_pool2d_shape){.planes = (y.n == 4 ? y.d[0] : 1) * y.d[y.n - 3],
                           .h = side[0],
                           .w = side[1],
                           .kh = a->kernel[0],
                           .kw = a->kernel[1]};
    for (int i = 0; i < 2; i++) {
        s->stride[i] = a->stride[i] != RT_NOT_GIVEN ? a->stride[i] : a->kernel[i];
        s->pad[i] = a->padding[i];
        RT_TRY(count_windows(c->op->name, a, i, s->stride[i], i ? &s->ow : &s->oh));
    }
    side[0] = s->oh;
    side[1] = s->ow;
    return rt_result(c, 0, y, a->x->dtype);
}
