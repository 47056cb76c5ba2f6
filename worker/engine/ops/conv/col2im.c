/* Columns back to images, which is the gradient of im2col: torch.nn.functional.fold. */
#include "common/base/error.h"
#include "worker/engine/ops/conv/convolution.h"

/* The windows lie as those that im2col takes of the result. */
static rt_im2col_args windows_of(const rt_col2im_args *a)
{
    return (rt_im2col_args){.kernel = {a->kernel[0], a->kernel[1]},
                            .stride = {a->stride[0], a->stride[1]},
                            .padding = {a->padding[0], a->padding[1]},
                            .dilation = {a->dilation[0], a->dilation[1]}};
}

static rt_status col2im_infer(rt_call *c)
{
    rt_conv_shape *s = c->plan;
    const rt_col2im_args *a = c->args;
    const rt_tensor *x = c->in[0];
    rt_im2col_args windows = windows_of(a);
    const int64_t *columns = x->dims.d + x->dims.n - 2;
    *s = rt__conv_windows(&windows);
    int64_t taps = rt_volume(s->kernel);
    if ((x->dims.n != 2 && x->dims.n != 3) || columns[0] % taps != 0)
        return RT_FAIL(SHAPE,
                       "col2im: x %s, expected [n,c*%lld,windows] or [c*%lld,windows], as windows "
                       "have %lld x %lld elements",
                       rt_dims_text(x->dims), (long long)taps, (long long)taps,
                       (long long)a->kernel[0], (long long)a->kernel[1]);
    s->n = x->dims.n == 3 ? x->dims.d[0] : 1;
    s->c = columns[0] / taps;
    s->in[1] = a->size[0];
    s->in[2] = a->size[1];
    RT_TRY(rt__conv_fit("col2im", s));
    if (columns[1] != rt_volume(s->out))
        return RT_FAIL(SHAPE, "col2im: x %s has %lld windows, images of %lld x %lld have %lld",
                       rt_dims_text(x->dims), (long long)columns[1], (long long)s->in[1],
                       (long long)s->in[2], (long long)rt_volume(s->out));
    return rt_result(c, 0,
                     x->dims.n == 3 ? rt_shape(s->n, s->c, s->in[1], s->in[2])
                                    : rt_shape(s->c, s->in[1], s->in[2]),
                     x->dtype);
}

static rt_status col2im_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->col2im[x->dtype](e, c->plan, x->data, c->out[0]->data);
    return RT_OK;
}

static void col2im_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_im2col_args windows = windows_of(c->args);
    windows.x = dy[0];
    dx[0] = rt_im2col_(windows);
}

const rt_op rt__op_col2im = {
    .name = "col2im",
    .help =
        "y[n, c, i, j] = the sum of what the windows of im2col(y), the columns of x, have of it",
    RT_ARGS(rt_col2im_args, RT_COL2IM_FIELDS),
    .infer = col2im_infer,
    .run = col2im_run,
    .backward = col2im_backward,
    .plan_size = sizeof(rt_conv_shape),
};

rt_tensor *rt_col2im_(rt_col2im_args a)
{
    return rt_apply(&rt__op_col2im, &a);
}
