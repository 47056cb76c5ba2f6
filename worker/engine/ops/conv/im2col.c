/* The windows of images as columns, torch.nn.functional.unfold, and columns back to images, torch.nn.functional.fold: each is the
 * gradient of the other. */
#include "common/base/error.h"
#include "worker/engine/ops/conv/convolution.h"

/* Sets the shape of the windows of n images [c, h, w]. Fails, naming the operation, if none fits. */
static rt_status set_windows(const char *name, const rt_im2col_args *a, int64_t n,
                             const int64_t image[3], rt_conv_shape *s)
{
    *s = rt__conv_shape(2, a->stride, a->padding, a->dilation);
    s->n = n;
    s->c = image[0];
    for (int i = 0; i < 2; i++) {
        s->in[1 + i] = image[1 + i];
        s->kernel[1 + i] = a->kernel[i];
    }
    return rt__conv_fit(name, s);
}

/* Returns the windows as arguments of im2col, which take them of the result. */
static rt_im2col_args windows_of(const rt_col2im_args *a)
{
    return (rt_im2col_args){.kernel = {a->kernel[0], a->kernel[1]},
                            .stride = {a->stride[0], a->stride[1]},
                            .padding = {a->padding[0], a->padding[1]},
                            .dilation = {a->dilation[0], a->dilation[1]}};
}

/* ---- images to columns ---- */

static rt_status im2col_infer(rt_call *c)
{
    rt_conv_shape *s = c->plan;
    const rt_tensor *x = c->in[0];
    bool many = x->dims.n == 4;
    if (!many && x->dims.n != 3)
        return RT_FAIL(SHAPE, "im2col: x %s, expected [n,c,h,w] or [c,h,w]", rt_dims_text(x->dims));
    RT_TRY(set_windows("im2col", c->args, many ? x->dims.d[0] : 1, x->dims.d + x->dims.n - 3, s));
    int64_t rows = s->c * rt_volume(s->kernel), windows = rt_volume(s->out);
    return rt_result(c, 0, many ? rt_shape(s->n, rows, windows) : rt_shape(rows, windows),
                     x->dtype);
}

/* Copies what a tap meets in some planes [first, first + count) of all images and channels. */
static void take_tap(const rt_conv_shape *s, int64_t tap, int64_t first, int64_t count,
                     rt_tensor *x, rt_tensor *y)
{
    rt_tap_range down = rt_tap_reach(s, 1, tap / s->kernel[2]),
                 right = rt_tap_reach(s, 2, tap % s->kernel[2]);
    if (down.from == down.to || right.from == right.to)
        return;
    rt_dims dims = rt_shape(count, down.to - down.from, right.to - right.from);
    int64_t w = s->in[2], plane = s->in[1] * w, column = rt_volume(s->out);
    int64_t columns = rt_volume(s->kernel) * column;
    int64_t from[RT_MAX_DIMS] = {plane, w * s->stride[1], s->stride[2]};
    int64_t to[RT_MAX_DIMS] = {columns, s->out[2], 1};
    rt_tensor *here = rt__tensor_view(x, dims, from, first * plane + down.first * w + right.first);
    rt_tensor *there = rt__tensor_view(
        y, dims, to, first * columns + tap * column + down.from * s->out[2] + right.from);
    if (here && there)
        rt__copy(there, here);
}

/* Makes the columns of some planes. */
static rt_status take_planes(const rt_conv_shape *s, int64_t first, int64_t count, rt_tensor *x,
                             rt_tensor *y)
{
    int64_t taps = rt_volume(s->kernel), columns = taps * rt_volume(s->out);
    rt_tensor *part =
        rt__tensor_view(y, rt_shape(count * columns), (int64_t[RT_MAX_DIMS]){1}, first * columns);
    if (part && (s->pad[1] > 0 || s->pad[2] > 0))
        RT_TRY(rt__fill(part, 0));
    for (int64_t tap = 0; tap < taps && !rt_failed(); tap++) {
        rt_scope scope = rt_scope_begin();
        take_tap(s, tap, first, count, x, y);
        rt_scope_end(scope);
    }
    return rt_error_code();
}

/* So many planes at a time that their columns stay in the cache. */
static rt_status im2col_run(rt_call *c)
{
    enum { PART = 1 << 20 };
    const rt_conv_shape *s = c->plan;
    int64_t planes = s->n * s->c, columns = rt_volume(s->kernel) * rt_volume(s->out);
    int64_t many = columns < PART ? PART / columns : 1;
    for (int64_t first = 0; first < planes; first += many)
        RT_TRY(take_planes(s, first, many < planes - first ? many : planes - first, c->in[0],
                           c->out[0]));
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

/* ---- columns to images ---- */

static rt_status col2im_infer(rt_call *c)
{
    rt_conv_shape *s = c->plan;
    const rt_col2im_args *a = c->args;
    const rt_tensor *x = c->in[0];
    rt_im2col_args windows = windows_of(a);
    bool many = x->dims.n == 3;
    const int64_t *columns = x->dims.d + x->dims.n - 2, taps = a->kernel[0] * a->kernel[1];
    if ((!many && x->dims.n != 2) || columns[0] % taps != 0)
        return RT_FAIL(SHAPE,
                       "col2im: x %s, expected [n,c*%lld,windows] or [c*%lld,windows], as windows "
                       "have %lld x %lld elements",
                       rt_dims_text(x->dims), (long long)taps, (long long)taps,
                       (long long)a->kernel[0], (long long)a->kernel[1]);
    const int64_t image[3] = {columns[0] / taps, a->size[0], a->size[1]};
    RT_TRY(set_windows("col2im", &windows, many ? x->dims.d[0] : 1, image, s));
    if (columns[1] != rt_volume(s->out))
        return RT_FAIL(SHAPE, "col2im: x %s has %lld windows, images of %lld x %lld have %lld",
                       rt_dims_text(x->dims), (long long)columns[1], (long long)s->in[1],
                       (long long)s->in[2], (long long)rt_volume(s->out));
    rt_dims one = rt_shape(s->c, s->in[1], s->in[2]);
    return rt_result(c, 0, many ? rt_shape(s->n, s->c, s->in[1], s->in[2]) : one, x->dtype);
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

/* Of real numbers. Has the public name, because messages and traces show it. */
static const rt_op sum_op = {
    .name = "col2im",
    RT_ARGS(rt_col2im_args, RT_COL2IM_FIELDS),
    .infer = col2im_infer,
    .run = col2im_run,
    .backward = col2im_backward,
    .plan_size = sizeof(rt_conv_shape),
};

RT_COMPOSITE(col2im, rt_col2im_args, RT_COL2IM_FIELDS,
             "y[n, c, i, j] = the sum of what the windows of im2col(y), the columns of x, have of "
             "it")
{
    rt_col2im_args real = *a, imag = *a;
    if (!rt__dtype_is_complex(a->x->dtype))
        return rt_apply(&sum_op, a);
    real.x = rt_real(a->x);
    imag.x = rt_imag(a->x);
    return rt_complex(rt_apply(&sum_op, &real), rt_apply(&sum_op, &imag));
}

rt_tensor *rt_col2im_(rt_col2im_args a)
{
    return rt_apply(&rt__op_col2im, &a);
}
