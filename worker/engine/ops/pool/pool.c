/* The geometry of pooling windows. */
#include "worker/engine/ops/pool/pool.h"

#include "common/base/error.h"

rt_status rt__pool_input(const char *what, const rt_tensor *x, int axes, rt_pool_shape *s)
{
    static const char *const expected[] = {"[n,c,l] or [c,l]", "[n,c,h,w] or [c,h,w]",
                                           "[n,c,d,h,w] or [c,d,h,w]"};
    const rt_dims d = x->dims;
    if (d.n != axes + 1 && d.n != axes + 2)
        return RT_FAIL(SHAPE, "%s: x %s, expected %s", what, rt_dims_text(d), expected[axes - 1]);
    *s = (rt_pool_shape){.planes = d.n == axes + 2 ? d.d[0] * d.d[1] : d.d[0]};
    for (int i = 0; i < 3; i++) {
        int from = d.n - 3 + i;
        s->in[i] = i < 3 - axes ? 1 : d.d[from];
        s->out[i] = s->kernel[i] = s->stride[i] = s->dilation[i] = 1;
        if (s->in[i] == 0)
            return RT_FAIL(SHAPE, "%s: x %s: axis %d is empty, expected 1 element or more", what,
                           rt_dims_text(d), from);
    }
    return RT_OK;
}

static void set_out(const rt_tensor *x, const rt_pool_shape *s, int axes, rt_dims *dims)
{
    *dims = x->dims;
    for (int i = 0; i < axes; i++)
        dims->d[dims->n - 1 - i] = s->out[2 - i];
}

/* Fails if one of the windows of axis i lies between two elements of x, or between one and its end: a dilated one that begins in the
 * padding. Their places in x repeat after `dilation` windows. */
static rt_status check_elements(const char *what, const rt_tensor *x, const rt_pool_shape *s, int i)
{
    int64_t apart = s->dilation[i];
    for (int64_t o = 0; o < s->out[i] && o < apart && s->in[i] < apart; o++) {
        int64_t begin = o * s->stride[i] - s->pad[i];
        if (begin < 0 && (begin % apart + apart) % apart >= s->in[i])
            return RT_FAIL(RANGE, "%s: dilation %lld: window %lld has no element of x %s", what,
                           (long long)apart, (long long)o, rt_dims_text(x->dims));
    }
    return RT_OK;
}

/* Counts the windows of axis i. */
static rt_status count_windows(const char *what, const rt_tensor *x, rt_pool_shape *s, int i,
                               bool ceil_mode)
{
    int64_t reach = (s->kernel[i] - 1) * s->dilation[i] + 1, pad = s->pad[i], step = s->stride[i];
    if (pad > reach / 2)
        return RT_FAIL(RANGE, "%s: padding is %lld, expected at most half of the kernel's %lld",
                       what, (long long)pad, (long long)reach);
    int64_t room = s->in[i] + 2 * pad - reach;
    if (room < 0 && !(ceil_mode && room > -step))
        return RT_FAIL(SHAPE, "%s: kernel %lld is larger than the padded input, %s", what,
                       (long long)reach, rt_dims_text(x->dims));
    s->out[i] = room < 0 ? 1 : room / step + 1;
    if (ceil_mode && room > 0 && room % step != 0 && s->out[i] * step < s->in[i] + pad)
        s->out[i]++;
    return check_elements(what, x, s, i);
}

rt_status rt__pool_windows(const char *what, const rt_tensor *x, const rt_windows *w,
                           rt_pool_shape *s, rt_dims *dims)
{
    double elements = 1; /* of a window; means count them in 64 bits */
    RT_TRY(rt__pool_input(what, x, w->axes, s));
    for (int i = 0; i < w->axes; i++) {
        int axis = 3 - w->axes + i;
        elements *= (double)w->kernel[i];
        s->kernel[axis] = w->kernel[i];
        s->stride[axis] = w->stride[i] != RT_NOT_GIVEN ? w->stride[i] : w->kernel[i];
        s->pad[axis] = w->padding ? w->padding[i] : 0;
        s->dilation[axis] = w->dilation ? w->dilation[i] : 1;
        RT_TRY(count_windows(what, x, s, axis, w->ceil_mode));
    }
    if (elements > 0x1p62)
        return RT_FAIL(RANGE, "%s: kernel: a window has %g elements, expected at most 2^62", what,
                       elements);
    set_out(x, s, w->axes, dims);
    return RT_OK;
}

rt_status rt__pool_adaptive(const char *what, const rt_tensor *x, int axes, const int64_t *size,
                            rt_pool_shape *s, rt_dims *dims)
{
    RT_TRY(rt__pool_input(what, x, axes, s));
    s->adaptive = true;
    for (int i = 3 - axes; i < 3; i++) {
        int64_t given = size[i - (3 - axes)];
        s->out[i] = given == -1 ? s->in[i] : given;
    }
    set_out(x, s, axes, dims);
    return RT_OK;
}
