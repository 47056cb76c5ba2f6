/* Another number of elements along spatial axes, one axis after the other: nearest picks them by an index, the linear and cubic
 * modes are weighted sums of 2 or 4 elements, and area is the adaptive mean. Indices and weights are those of PyTorch. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/ops/resize/resample.h"
#include <math.h>

/* ---- indices and weights ---- */

/* How one axis is resampled. */
typedef struct mapping {
    rt_interpolate_mode mode;
    bool align_corners;
    bool wide;  /* nearest: indices are computed as float64, not as float32 */
    bool bytes; /* of uint8, by weighted elements */
    int64_t in, out;
    double scale; /* 0: out / in */
} mapping;

static bool is_nearest(rt_interpolate_mode mode)
{
    return mode == RT_INTERPOLATE_NEAREST || mode == RT_INTERPOLATE_NEAREST_EXACT;
}

/* Returns how far apart elements of the result are, in those of x. */
static double step_of(const mapping *m)
{
    if (m->align_corners)
        return m->out > 1 ? (double)(m->in - 1) / (double)(m->out - 1) : 0;
    return m->scale > 0 ? 1 / m->scale : (double)m->in / (double)m->out;
}

static double rounded(const mapping *m, double v)
{
    return m->wide ? v : (float)v;
}

static int64_t clamped(int64_t i, int64_t n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

/* Rounds as PyTorch does, whose indices depend on it: floor is that of a float32 always. */
static void nearest(const mapping *m, int64_t *at)
{
    double step = rounded(m, step_of(m));
    for (int64_t o = 0; o < m->out; o++) {
        double place = rounded(m, step * (double)o);
        if (m->mode == RT_INTERPOLATE_NEAREST_EXACT)
            place = rounded(m, rounded(m, rounded(m, step * ((double)o + 0.5)) - 0.5) + 0.5);
        at[o] = clamped((int64_t)floorf((float)place), m->in);
    }
}

/* The weight of an element at distance d: the cubic convolution of Keys (1981) with a = -0.75. */
static double cubic(double d)
{
    const double a = -0.75;
    d = fabs(d);
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/* Elements beyond the ends are those at the ends. */
static void weigh(const mapping *m, int taps, int64_t *at, double *w)
{
    double step = step_of(m);
    for (int64_t o = 0; o < m->out; o++) {
        double place = m->align_corners ? step * (double)o : step * ((double)o + 0.5) - 0.5;
        if (taps == 2 && place < 0)
            place = 0;
        int64_t left = (int64_t)floor(place);
        double rest = place - (double)left;
        for (int t = 0; t < taps; t++, at++, w++) {
            int64_t i = t - (taps / 2 - 1);
            *at = clamped(left + i, m->in);
            *w = taps == 2 ? (i ? rest : 1 - rest) : cubic(rest - (double)i);
        }
    }
}

/* Makes the weights those that PyTorch has for uint8: what is for one element is added, and rounded to whole multiples of 2^-p, p being
 * the largest for which none reaches 2^15 of them. */
static void coarsen(int64_t rows, int taps, const int64_t *at, double *w)
{
    double most = 0, unit = 1;
    for (int64_t k = 0; k < rows * taps; k++) {
        int64_t first = k / taps * taps;
        while (at[first] != at[k])
            first++;
        if (first != k) {
            w[first] += w[k];
            w[k] = 0;
        }
        most = fmax(most, w[first]);
    }
    while (unit < 0x1p22 && trunc(most * 2 * unit + 0.5) < 0x1p15)
        unit *= 2;
    for (int64_t k = 0; k < rows * taps; k++)
        w[k] = trunc(w[k] * unit + copysign(0.5, w[k])) / unit;
}

/* Returns x with an axis mapped; float32 that stands for uint8 is rounded to such again. */
static rt_tensor *map_axis(rt_tensor *x, int axis, const mapping *m)
{
    int taps = is_nearest(m->mode) ? 1 : m->mode == RT_INTERPOLATE_BICUBIC ? 4 : 2;
    bool same = m->in == m->out && (m->scale == 0 || taps == 2 || m->bytes);
    if (!x || same)
        return x;
    int64_t count;
    if (__builtin_mul_overflow(m->out, (int64_t)taps, &count))
        return RT_FAIL_NULL(RANGE, "interpolate: size %lld is more than any memory holds",
                            (long long)m->out);
    int64_t *at = rt_calloc((size_t)count, sizeof *at);
    double *w = at ? rt_calloc((size_t)count, sizeof *w) : NULL;
    rt_tensor *y = NULL;
    if (w) {
        if (taps == 1)
            nearest(m, at);
        else
            weigh(m, taps, at, w);
        if (m->bytes)
            coarsen(m->out, taps, at, w);
        y = rt__resample(x, axis, m->out, taps, at, taps == 1 ? NULL : w);
    }
    rt_mem_free(at);
    rt_mem_free(w);
    return m->bytes ? rt_clamp(rt_floor(rt_add_scalar(y, 0.5)), 0, UINT8_MAX) : y;
}

/* ---- the operation ---- */

/* Returns the number of spatial axes that a mode is for; 0 if it is for any. */
static int axes_of(rt_interpolate_mode mode)
{
    switch (mode) {
    case RT_INTERPOLATE_LINEAR:
        return 1;
    case RT_INTERPOLATE_BILINEAR:
    case RT_INTERPOLATE_BICUBIC:
        return 2;
    case RT_INTERPOLATE_TRILINEAR:
        return 3;
    default:
        return 0;
    }
}

/* Fails unless the mode is for as many spatial axes as x has, and for its type. */
static rt_status check_mode(const rt_interpolate_args *a)
{
    rt_interpolate_mode mode = (rt_interpolate_mode)a->mode;
    int axes = a->x->dims.n - 2, needed = axes_of(mode);
    if (axes < 1 || axes > 3)
        return RT_FAIL(SHAPE, "interpolate: x %s, expected [n,c,l], [n,c,h,w] or [n,c,d,h,w]",
                       rt_dims_text(a->x->dims));
    if (needed && needed != axes)
        return RT_FAIL(SHAPE, "interpolate: x %s, expected %d axes after n and c for this mode",
                       rt_dims_text(a->x->dims), needed);
    if (!needed && a->align_corners)
        return RT_FAIL(ARG,
                       "interpolate: align_corners goes with the linear and cubic modes alone");
    bool images = (axes == 2 && needed) && a->x->dtype == RT_U8;
    if (!is_nearest(mode) && !images && !rt__dtype_is_float(a->x->dtype))
        return RT_FAIL(DTYPE,
                       "interpolate: x is %s, expected a float type, or mode nearest; bilinear and "
                       "bicubic take uint8, too",
                       rt_describe(a->x));
    return RT_OK;
}

/* Computes the size and scale of a spatial axis, the i-th. */
static rt_status map_of(const rt_interpolate_args *a, int i, mapping *m)
{
    bool sized = a->size.n > 0, scaled = a->scale_factor != (double)RT_NOT_GIVEN;
    int axes = a->x->dims.n - 2;
    if (sized == scaled)
        return RT_FAIL(ARG, "interpolate: %s, expected either size or scale_factor",
                       sized ? "both are given" : "neither is given");
    if (sized && a->size.n != 1 && a->size.n != axes)
        return RT_FAIL(SHAPE, "interpolate: size %s for x %s, expected one number, or %d",
                       rt_dims_text(a->size), rt_dims_text(a->x->dims), axes);
    if (sized && a->recompute_scale_factor)
        return RT_FAIL(ARG, "interpolate: recompute_scale_factor goes with scale_factor alone");
    *m = (mapping){.mode = (rt_interpolate_mode)a->mode,
                   .align_corners = a->align_corners,
                   .wide = a->x->dtype == RT_F64,
                   .bytes = !is_nearest((rt_interpolate_mode)a->mode) && a->x->dtype == RT_U8,
                   .in = a->x->dims.d[2 + i]};
    double size = sized ? 0 : floor((double)m->in * a->scale_factor);
    if (!(size < 0x1p62))
        return RT_FAIL(RANGE,
                       "interpolate: scale_factor %g makes of axis %d of x %s more than 2^62",
                       a->scale_factor, 2 + i, rt_dims_text(a->x->dims));
    m->out = sized ? a->size.d[a->size.n == 1 ? 0 : i] : (int64_t)size;
    m->scale = scaled && !a->recompute_scale_factor ? a->scale_factor : 0;
    if (m->in < 1 || m->out < 1)
        return RT_FAIL(RANGE, "interpolate: axis %d of x %s to size %lld, expected 1 or more both",
                       2 + i, rt_dims_text(a->x->dims), (long long)m->out);
    return RT_OK;
}

static rt_tensor *area(rt_tensor *x, int axes, const mapping *m)
{
    if (axes == 1)
        return rt_adaptive_avg_pool1d(x, m[0].out);
    if (axes == 2)
        return rt_adaptive_avg_pool2d(x, {m[0].out, m[1].out});
    return rt_adaptive_avg_pool3d(x, {m[0].out, m[1].out, m[2].out});
}

/* Returns x with all axes mapped. Those that get shorter come before others, and of those the last one first: this way the fewest elements
 * are computed. Of uint8, whose axes are rounded one by one, the last one is always the first. */
static rt_tensor *map_axes(rt_tensor *x, int axes, const mapping *m)
{
    for (int i = 0; i < axes; i++)
        if (m[i].out < m[i].in && !m->bytes)
            x = map_axis(x, 2 + i, &m[i]);
    for (int i = axes - 1; i >= 0; i--)
        if (m[i].out >= m[i].in || m->bytes)
            x = map_axis(x, 2 + i, &m[i]);
    return x;
}

RT_COMPOSITE(interpolate, rt_interpolate_args, RT_INTERPOLATE_FIELDS,
             "y = x with other sizes of its spatial axes, by the nearest or by weighted elements")
{
    mapping m[3];
    int axes = a->x->dims.n - 2;
    rt_dims dims = a->x->dims;
    if (check_mode(a) != RT_OK)
        return NULL;
    for (int i = 0; i < axes; i++) {
        if (map_of(a, i, &m[i]) != RT_OK)
            return NULL;
        dims.d[2 + i] = m[i].out;
    }
    if (rt__dims_numel(dims, "interpolate") < 0)
        return NULL;
    /* PyTorch does so, whatever the scale_factor, for images alone. */
    if (axes == 2 && a->mode == RT_INTERPOLATE_NEAREST && rt__dims_same(&dims, &a->x->dims))
        return rt_clone(a->x);
    if (a->x->numel == 0) /* the sizes may be any, and need no tables of weights */
        return rt_clone(rt_reshape(a->x, dims));
    if (a->mode == RT_INTERPOLATE_AREA)
        return area(a->x, axes, m);
    rt_tensor *y = map_axes(m->bytes ? rt_to(a->x, RT_F32) : rt__widened(a->x), axes, m);
    return y == a->x ? rt_clone(y) : rt_to(y, a->x->dtype);
}

rt_tensor *rt_interpolate_(rt_interpolate_args a)
{
    return rt_apply(&rt__op_interpolate, &a);
}
