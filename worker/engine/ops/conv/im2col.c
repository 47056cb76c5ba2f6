/* The windows of images as columns: torch.nn.functional.unfold. */
#include "common/base/error.h"
#include "worker/engine/ops/conv/convolution.h"

rt_conv_shape rt__conv_windows(const rt_im2col_args *a)
{
    rt_conv_shape s = rt__conv_shape(2, a->stride, a->padding, a->dilation);
    s.kernel[1] = a->kernel[0];
    s.kernel[2] = a->kernel[1];
    return s;
}

static rt_status im2col_infer(rt_call *c)
{
    rt_conv_shape *s = c->plan;
    const rt_tensor *x = c->in[0];
    const int64_t *image = x->dims.d + x->dims.n - 3;
    if (x->dims.n != 3 && x->dims.n != 4)
        return RT_FAIL(SHAPE, "im2col: x %s, expected [n,c,h,w] or [c,h,w]", rt_dims_text(x->dims));
    *s = rt__conv_windows(c->args);
    s->n = x->dims.n == 4 ? x->dims.d[0] : 1;
    s->c = image[0];
    s->in[1] = image[1];
    s->in[2] = image[2];
    RT_TRY(rt__conv_fit("im2col", s));
    int64_t rows = s->c * rt_volume(s->kernel), windows = rt_volume(s->out);
    return rt_result(c, 0, x->dims.n == 4 ? rt_shape(s->n, rows, windows) : rt_shape(rows, windows),
                     x->dtype);
}

static rt_status im2col_run(rt_call *c)
{
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->im2col[x->dtype](e, c->plan, x->data, c->out[0]->data);
    return RT_OK;
}

static void im2col_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const rt_im2col_args *a = c->args;
    const rt_conv_shape *s = c->plan;
    dx[0] =
        rt_col2im(dy[0], {s->in[1], s->in[2]}, {a->kernel[0], a->kernel[1]},
                  .stride = {a->stride[0], a->stride[1]}, .padding = {a->padding[0], a->padding[1]},
                  .dilation = {a->dilation[0], a->dilation[1]});
}

const rt_op rt__op_im2col = {
    .name = "im2col",
    .help = "y[n, (c, p, q), (i, j)] = x[n, c, i + p, j + q]: each window becomes a column",
    RT_ARGS(rt_im2col_args, RT_IM2COL_FIELDS),
    .infer = im2col_infer,
    .run = im2col_run,
    .backward = im2col_backward,
    .plan_size = sizeof(rt_conv_shape),
};

rt_tensor *rt_im2col_(rt_im2col_args a)
{
    return rt_apply(&rt__op_im2col, &a);
}
