/* Convolution (cross-correlation, as everywhere in deep learning) over one to three axes.
 *
 * Three operations whose gradients are each other, so gradients can be differentiated to any order:
 *
 *     y  = conv(x, w)              dx  = conv_transpose(dy, w)    dw = conv_weight(x, dy)
 *     dx = conv_transpose(dy, w)   ddy = conv(g, w)               dw = conv_weight(g, dy)
 *     dw = conv_weight(x, dy)      dx  = conv_transpose(dy, g)    ddy = conv(x, g) */
#include "worker/engine/ops/conv/convolution.h"

#include "common/base/error.h"
#include <math.h>

/* Arguments of all three. */
#define CONV_FIELDS(F)                                                                             \
    F(INPUT, a, RT_NEEDED, RT_SAME | RT_FLOATS | RT_INTEGERS, "x; of conv_transpose dy")           \
    F(INPUT, b, RT_NEEDED, RT_SAME | RT_FLOATS | RT_INTEGERS, "w; of conv_weight dy")              \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS | RT_INTEGERS,                                 \
      "one for each channel of the result")
typedef struct RT_DESIGNATED conv_args {
    RT_STRUCT(CONV_FIELDS)
    int axes;
    bool one;        /* there is one image, without an axis of images */
    rt_conv_shape s; /* of the convolution, also in its gradients */
} conv_args;

static const rt_op conv_op, conv_transpose_op, conv_weight_op;

/* ---- the operations ---- */

/* Returns the shape of the images: [n, channels, size...]. */
static rt_dims images(const conv_args *a, int64_t channels, const int64_t size[3])
{
    rt_dims dims = a->one ? rt_shape(channels) : rt_shape(a->s.n, channels);
    for (int d = rt__conv_first(a->axes); d < rt__conv_first(a->axes) + a->axes; d++)
        dims.d[dims.n++] = size[d];
    return dims;
}

/* Calls one of the operations for the same convolution. */
static rt_tensor *call_for(const rt_op *op, const conv_args *of, rt_tensor *a, rt_tensor *b)
{
    conv_args args = *of;
    args.a = a;
    args.b = b;
    args.bias = NULL;
    return rt_apply(op, &args);
}

/* The gradient of a bias: the sum over everything but the channels. */
static rt_tensor *channel_sums(const conv_args *a, rt_tensor *dy)
{
    rt_dims axes = {0};
    for (int i = 0; i < dy->dims.n; i++)
        if (i != (a->one ? 0 : 1))
            axes.d[axes.n++] = i;
    return rt_sum(dy, axes);
}

static rt_status conv_infer(rt_call *c)
{
    const conv_args *a = c->args;
    return rt_result(c, 0, images(a, a->s.oc, a->s.out), c->in[0]->dtype);
}

static rt_status conv_run(rt_call *c)
{
    const conv_args *a = c->args;
    const rt_tensor *x = c->in[0], *w = c->in[1], *bias = c->in[2];
    rt_exec *e = rt_exec_of(c);
    e->kernels->conv[x->dtype](e, &a->s, x->data, w->data, bias ? bias->data : NULL,
                               c->out[0]->data);
    return RT_OK;
}

static void conv_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const conv_args *a = c->args;
    if (rt_needs(c, 0))
        dx[0] = call_for(&conv_transpose_op, a, dy[0], c->in[1]);
    if (rt_needs(c, 1)) {
        rt_aim(c, 1);
        dx[1] = call_for(&conv_weight_op, a, c->in[0], dy[0]);
    }
    if (rt_needs(c, 2)) {
        rt_aim(c, 2);
        dx[2] = channel_sums(a, dy[0]);
    }
}

static const rt_op conv_op = {
    .name = "conv",
    RT_INTERNAL_ARGS(conv_args, CONV_FIELDS),
    .infer = conv_infer,
    .run = conv_run,
    .backward = conv_backward,
    .saves_in_for = (const uint32_t[]){1 << 1, 1 << 0, 0},
};

static rt_status conv_transpose_infer(rt_call *c)
{
    const conv_args *a = c->args;
    return rt_result(c, 0, images(a, a->s.c, a->s.in), c->in[0]->dtype);
}

static rt_status conv_transpose_run(rt_call *c)
{
    const conv_args *a = c->args;
    const rt_tensor *dy = c->in[0], *w = c->in[1], *bias = c->in[2];
    rt_exec *e = rt_exec_of(c);
    e->kernels->conv_dx[dy->dtype](e, &a->s, dy->data, w->data, bias ? bias->data : NULL,
                                   c->out[0]->data);
    return RT_OK;
}

static void conv_transpose_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    const conv_args *a = c->args;
    if (rt_needs(c, 0))
        dx[0] = call_for(&conv_op, a, g[0], c->in[1]);
    if (rt_needs(c, 1)) {
        rt_aim(c, 1);
        dx[1] = call_for(&conv_weight_op, a, g[0], c->in[0]);
    }
    if (rt_needs(c, 2)) {
        rt_aim(c, 2);
        dx[2] = channel_sums(a, g[0]);
    }
}

static const rt_op conv_transpose_op = {
    .name = "conv_transpose",
    RT_INTERNAL_ARGS(conv_args, CONV_FIELDS),
    .infer = conv_transpose_infer,
    .run = conv_transpose_run,
    .backward = conv_transpose_backward,
    .saves_in_for = (const uint32_t[]){1 << 1, 1 << 0, 0},
};

static rt_status conv_weight_infer(rt_call *c)
{
    const conv_args *a = c->args;
    rt_dims dims = rt_shape(a->s.oc, a->s.c / a->s.groups);
    for (int i = 0; i < a->axes; i++)
        dims.d[dims.n++] = a->s.kernel[rt__conv_first(a->axes) + i];
    return rt_result(c, 0, dims, c->in[0]->dtype);
}

static rt_status conv_weight_run(rt_call *c)
{
    const conv_args *a = c->args;
    const rt_tensor *x = c->in[0], *dy = c->in[1];
    rt_exec *e = rt_exec_of(c);
    e->kernels->conv_dw[x->dtype](e, &a->s, x->data, dy->data, c->out[0]->data);
    return RT_OK;
}

static void conv_weight_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    const conv_args *a = c->args;
    if (rt_needs(c, 0))
        dx[0] = call_for(&conv_transpose_op, a, c->in[1], g[0]);
    if (rt_needs(c, 1))
        dx[1] = call_for(&conv_op, a, c->in[0], g[0]);
}

static const rt_op conv_weight_op = {
    .name = "conv_weight",
    RT_INTERNAL_ARGS(conv_args, CONV_FIELDS),
    .infer = conv_weight_infer,
    .run = conv_weight_run,
    .backward = conv_weight_backward,
    .saves_in_for = (const uint32_t[]){1 << 1, 1 << 0, 0},
};

/* ---- shapes ---- */

int rt__conv_first(int axes)
{
    return axes == 3 ? 0 : 1;
}

rt_conv_shape rt__conv_shape(int axes, const int64_t *stride, const int64_t *padding,
                             const int64_t *dilation)
{
    rt_conv_shape s = {.n = 1, .c = 1, .oc = 1, .groups = 1};
    for (int d = 0; d < 3; d++)
        s.in[d] = s.kernel[d] = s.out[d] = s.stride[d] = s.dilation[d] = 1;
    for (int i = 0; i < axes; i++) {
        int d = rt__conv_first(axes) + i;
        s.stride[d] = stride[i];
        s.pad[d] = padding[i];
        s.dilation[d] = dilation[i];
    }
    return s;
}

/* Kernels copy parts of the padded input, and multiply its sizes. This many elements are beyond every memory. */
static rt_status check_extent(const char *name, const rt_conv_shape *s)
{
    double elements = fmax((double)s->c, (double)s->oc);
    for (int d = 0; d < 3; d++) {
        double reach = (double)s->dilation[d] * (double)(s->kernel[d] - 1);
        double length = fmax((double)s->in[d], (double)s->out[d]) + 2.0 * (double)s->pad[d] + reach;
        elements = fmax(elements, 1) * fmax(length, 1);
    }
    if (elements <= 0x1p48)
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: the padded input has more than 2^48 elements", name);
}

rt_status rt__conv_fit(const char *name, rt_conv_shape *s)
{
    RT_TRY(check_extent(name, s));
    for (int d = 0; d < 3; d++) {
        int64_t reach = s->dilation[d] * (s->kernel[d] - 1) + 1, room = s->in[d] + 2 * s->pad[d];
        if (reach > room)
            return RT_FAIL(SHAPE,
                           "%s: a kernel of %lld with dilation %lld reaches over %lld, more than "
                           "the padded input's %lld",
                           name, (long long)s->kernel[d], (long long)s->dilation[d],
                           (long long)reach, (long long)room);
        s->out[d] = (room - reach) / s->stride[d] + 1;
    }
    return RT_OK;
}

static rt_status check_same(const rt__convolution *c)
{
    for (int i = 0; i < c->axes; i++)
        if (c->stride[i] > 1 || c->padding[i] > 0)
            return RT_FAIL(ARG, "%s: .same goes with stride 1 and no .padding of its own", c->name);
    return RT_OK;
}

/* Pads so that the output has the size of the input. */
static rt_status fit_same(const rt__convolution *c, rt_conv_shape *s)
{
    for (int d = 0; d < 3; d++) {
        s->out[d] = s->in[d];
        s->pad[d] = s->dilation[d] * (s->kernel[d] - 1) / 2;
    }
    return check_extent(c->name, s);
}

/* Computes the size of the result of a transposed convolution, s->in. */
static rt_status fit_transposed(const rt__convolution *c, rt_conv_shape *s)
{
    for (int i = 0; i < c->axes; i++) {
        int d = rt__conv_first(c->axes) + i;
        int64_t extra = c->output_padding[i], reach = s->dilation[d] * (s->kernel[d] - 1) + 1;
        double size = ((double)s->out[d] - 1) * (double)s->stride[d] - 2.0 * (double)s->pad[d] +
                      (double)reach + (double)extra;
        if (extra >= s->stride[d] && extra >= s->dilation[d])
            return RT_FAIL(RANGE,
                           "%s: output_padding is %lld, expected less than the stride %lld or the "
                           "dilation %lld",
                           c->name, (long long)extra, (long long)s->stride[d],
                           (long long)s->dilation[d]);
        if (s->out[d] < 1 || size < 1 || size > 0x1p48)
            return RT_FAIL(SHAPE, "%s: a size of %lld becomes %.15g, expected 1 to 2^48", c->name,
                           (long long)s->out[d], s->out[d] < 1 ? 0 : size);
        s->in[d] = (s->out[d] - 1) * s->stride[d] - 2 * s->pad[d] + reach + extra;
    }
    return check_extent(c->name, s);
}

/* ---- arguments ---- */

static const char *const sizes[] = {"", "len", "h,w", "d,h,w"};
static const char *const kernel_sizes[] = {"", "k", "kh,kw", "kd,kh,kw"};

static rt_status check_axes(const rt__convolution *c, bool transposed)
{
    int axes = c->x->dims.n - c->axes;
    if ((axes != 1 && axes != 2) || c->w->dims.n != c->axes + 2)
        return RT_FAIL(SHAPE, "%s: x %s and w %s: expected [n,in,%s] or [in,%s], and [%s,%s]",
                       c->name, rt_dims_text(c->x->dims), rt_dims_text(c->w->dims), sizes[c->axes],
                       sizes[c->axes], transposed ? "in,out/groups" : "out,in/groups",
                       kernel_sizes[c->axes]);
    for (int i = 0; i < c->axes; i++)
        if (c->w->dims.d[2 + i] < 1 || c->w->dims.d[2 + i] > INT32_MAX)
            return RT_FAIL(SHAPE, "%s: kernel %s, expected sides of 1 or more, below 2^31", c->name,
                           rt_dims_text(c->w->dims));
    return RT_OK;
}

static rt_status check_bias(const rt__convolution *c, int64_t channels)
{
    if (!c->bias || (c->bias->dims.n == 1 && c->bias->dims.d[0] == channels))
        return RT_OK;
    return RT_FAIL(SHAPE, "%s: bias %s, expected [%lld]", c->name, rt_dims_text(c->bias->dims),
                   (long long)channels);
}

/* Sets the channels. w[0] are those of the result of a convolution, or of x if it is transposed; w[1] of one group on the other side. */
static rt_status set_channels(const rt__convolution *c, int64_t of_x, bool transposed,
                              rt_conv_shape *s)
{
    const int64_t *w = c->w->dims.d;
    bool whole = w[0] % c->groups == 0 && w[1] <= INT32_MAX;
    bool good = transposed ? w[0] == of_x : of_x % c->groups == 0 && w[1] == of_x / c->groups;
    s->groups = c->groups;
    s->oc = w[0];
    s->c = transposed && whole ? w[1] * c->groups : of_x;
    if (good && whole)
        return check_bias(c, transposed ? s->c : s->oc);
    if (transposed)
        return RT_FAIL(SHAPE,
                       "%s: x %s has %lld channels, w %s takes %lld, expected as many, a multiple "
                       "of the %lld groups",
                       c->name, rt_dims_text(c->x->dims), (long long)of_x, rt_dims_text(c->w->dims),
                       (long long)w[0], (long long)c->groups);
    return RT_FAIL(SHAPE,
                   "%s: x %s has %lld channels, w %s with %lld groups takes %lld in each "
                   "group, and makes %lld in all",
                   c->name, rt_dims_text(c->x->dims), (long long)of_x, rt_dims_text(c->w->dims),
                   (long long)c->groups, (long long)w[1], (long long)w[0]);
}

/* Sets what the tensors say; the sizes of x go to `size`, a member of a->s. */
static rt_status read_tensors(const rt__convolution *c, bool transposed, conv_args *a)
{
    RT_TRY(check_axes(c, transposed));
    a->one = c->x->dims.n == c->axes + 1;
    const int64_t *x = c->x->dims.d + (a->one ? 0 : 1);
    a->s.n = a->one ? 1 : c->x->dims.d[0];
    for (int i = 0; i < c->axes; i++) {
        int d = rt__conv_first(c->axes) + i;
        (transposed ? a->s.out : a->s.in)[d] = x[1 + i];
        a->s.kernel[d] = c->w->dims.d[2 + i];
    }
    return set_channels(c, x[0], transposed, &a->s);
}

static conv_args args_of(const rt__convolution *c)
{
    return (conv_args){.a = c->x,
                       .b = c->w,
                       .bias = c->bias,
                       .axes = c->axes,
                       .s = rt__conv_shape(c->axes, c->stride, c->padding, c->dilation)};
}

/* Complex numbers are convolved by their parts: (a + bi)(c + di) = ac - bd + (bc + ad)i. */
static rt_tensor *by_parts(const rt__convolution *c, rt_tensor *(*conv)(const rt__convolution *))
{
    rt__convolution real = *c, imag = *c;
    real.x = rt_real(c->x);
    imag.x = rt_imag(c->x);
    real.w = imag.w = rt_real(c->w);
    real.bias = c->bias ? rt_real(c->bias) : NULL;
    imag.bias = c->bias ? rt_imag(c->bias) : NULL;
    if (rt_failed())
        return NULL;
    rt_tensor *ac = conv(&real), *bc = conv(&imag);
    real.w = imag.w = rt_imag(c->w);
    real.bias = imag.bias = NULL;
    if (!real.w)
        return NULL;
    rt_tensor *ad = conv(&real), *bd = conv(&imag);
    return rt_complex(rt_sub(ac, bd), rt_add(bc, ad));
}

/* Kernels know no padding but zeros, so other elements are put around the input first. */
static rt_tensor *conv_of_padded(const rt__convolution *c, const rt_conv_shape *s)
{
    int64_t pads[6], none[3] = {0};
    for (int i = 0; i < c->axes; i++) {
        int d = rt__conv_first(c->axes) + i;
        int64_t reach = s->dilation[d] * (s->kernel[d] - 1), *at = pads + 2 * (c->axes - 1 - i);
        at[0] = c->same ? reach / 2 : c->padding[i];
        at[1] = c->same ? reach - reach / 2 : c->padding[i];
    }
    rt__convolution inner = *c;
    inner.x = rt_pad(c->x, pads, 2 * c->axes, .mode = c->mode);
    inner.padding = none;
    inner.same = false;
    inner.mode = RT_PAD_CONSTANT;
    return inner.x ? rt__conv(&inner) : NULL;
}

rt_tensor *rt__conv(const rt__convolution *c)
{
    if (rt__dtype_is_complex(c->x->dtype))
        return by_parts(c, rt__conv);
    conv_args a = args_of(c);
    if (read_tensors(c, false, &a) != RT_OK || (c->same && check_same(c) != RT_OK))
        return NULL;
    if (c->mode != RT_PAD_CONSTANT)
        return conv_of_padded(c, &a.s);
    rt_status status = c->same ? fit_same(c, &a.s) : rt__conv_fit(c->name, &a.s);
    return status == RT_OK ? rt_apply(&conv_op, &a) : NULL;
}

rt_tensor *rt__conv_transpose(const rt__convolution *c)
{
    if (rt__dtype_is_complex(c->x->dtype))
        return by_parts(c, rt__conv_transpose);
    conv_args a = args_of(c);
    if (read_tensors(c, true, &a) != RT_OK || fit_transposed(c, &a.s) != RT_OK)
        return NULL;
    return rt_apply(&conv_transpose_op, &a);
}
