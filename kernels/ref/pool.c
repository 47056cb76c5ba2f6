/* Reference kernels: pooling and its gradients. See kernels/ref/wide.h. */
#include "common/base/slices.h"
#include "kernels/ref/wide.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* The part of a window along one axis that lies on the input: first, first + step, ... before `end`; and how many elements an average
 * counts. */
typedef struct window {
    int64_t first, end, step, count;
} window;

static window window_of(const rt_pool_shape *s, int axis, int64_t o)
{
    int64_t in = s->in[axis], out = s->out[axis];
    if (s->adaptive) {
        window w = {o * in / out, rt__ceil_div((o + 1) * in, out), 1, 0};
        w.count = w.end - w.first;
        return w;
    }
    int64_t begin = o * s->stride[axis] - s->pad[axis];
    window w = {in, 0, s->dilation[axis], 0};
    for (int64_t i = 0; i < s->kernel[axis]; i++) {
        int64_t at = begin + i * w.step;
        bool inside = at >= 0 && at < in;
        if (inside) {
            w.first = rt__min(w.first, at);
            w.end = at + 1;
        }
        w.count += inside || (!s->skip_padding && at < in + s->pad[axis]);
    }
    return w;
}

static void windows_of(const rt_pool_shape *s, int64_t o, window w[3])
{
    for (int axis = 2; axis >= 0; axis--) {
        w[axis] = window_of(s, axis, o % s->out[axis]);
        o /= s->out[axis];
    }
}

static int64_t volume(const int64_t size[3])
{
    return size[0] * size[1] * size[2];
}

/* Runs over the elements of the windows w in a plane, in row-major order. */
#define EACH_ELEMENT(at, s, w)                                                                     \
    for (int64_t i0_ = w[0].first; i0_ < w[0].end; i0_ += w[0].step)                               \
        for (int64_t i1_ = w[1].first; i1_ < w[1].end; i1_ += w[1].step)                           \
            for (int64_t i2_ = w[2].first, at; i2_ < w[2].end; i2_ += w[2].step)                   \
                if (at = (i0_ * s->in[1] + i1_) * s->in[2] + i2_, true)

/* y: the maximum of each window; at[i]: its position in the plane, in row-major order. The first of equal elements wins, a NaN always
 * wins, and padding never wins. */
KERNEL(max_pool, REALS, (rt_exec *e, const rt_pool_shape *s, const void *x, void *y, int32_t *at))
{
    int64_t out = volume(s->out);
    for (int64_t i = 0; i < s->planes * out; i++) {
        const T *plane = (const T *)x + i / out * volume(s->in);
        window w[3];
        windows_of(s, i % out, w);
        int64_t best = -1;
        EACH_ELEMENT(j, s, w)
        if (best < 0 || plane[j] > plane[best] || IS_NAN(plane[j]))
            best = j;
        ((T *)y)[i] = plane[best];
        at[i] = (int32_t)best;
    }
}

/* If dy is NULL sets y from x, else distributes dy to x. */
static void avg_pool_run(const rt_pool_shape *s, T *x_, T *y, const T *dy)
{
    int64_t out = volume(s->out);
    for (int64_t i = 0; i < s->planes * out; i++) {
        T *x = x_ + i / out * volume(s->in);
        window w[3];
        windows_of(s, i % out, w);
        int64_t elements = w[0].count * w[1].count * w[2].count;
        wide count = (wide)(s->divisor ? s->divisor : elements), sum = 0;
        EACH_ELEMENT(j, s, w)
        {
            if (dy)
                x[j] += (T)(dy[i] / count);
            else
                sum += x[j];
        }
        if (!dy)
            y[i] = (T)(count == -1 ? -sum : sum / count); /* the least integer / -1 would trap */
    }
}

/* y: the mean of each window; s says what to divide by. Integers are summed in int64, and quotients truncated. */
KERNEL(avg_pool, REALS, (rt_exec *e, const rt_pool_shape *s, const void *x, void *y))
{
    avg_pool_run(s, (T *)x, y, NULL); /* only reads x */
}

#ifdef RT_BITS
/* The gradient with respect to x: each dy goes to the position of its maximum. */
KERNEL(max_pool_dx, FLOATS, (rt_exec *e, const rt_pool_shape *s, const void *dy, const int32_t *at,
                             void *dx))
{
    int64_t out = volume(s->out), in = volume(s->in);
    memset(dx, 0, (size_t)(s->planes * in) * sizeof(T));
    for (int64_t i = 0; i < s->planes * out; i++)
        ((T *)dx)[i / out * in + at[i]] += ((const T *)dy)[i];
}

/* The gradient with respect to x: each dy is divided among the elements of its window. */
KERNEL(avg_pool_dx, FLOATS, (rt_exec *e, const rt_pool_shape *s, const void *dy, void *dx))
{
    memset(dx, 0, (size_t)(s->planes * volume(s->in)) * sizeof(T));
    avg_pool_run(s, dx, NULL, dy);
}
#endif
