/* Reference kernels: pooling and its gradients. See kernels/ref/wide.h. */
#include "common/base/slices.h"
#include "kernels/ref/wide.h"
#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* Computes the part of window o of one axis that lies inside the input: [*lo, *hi). */
static void window(int64_t o, int64_t stride, int64_t pad, int64_t k, int64_t size, int64_t *lo,
                   int64_t *hi)
{
    *lo = rt__max(o * stride - pad, 0);
    *hi = rt__min(o * stride - pad + k, size);
}

/* y: the maximum of each window; at[i]: its position, row * w + column in its plane. The first of equal elements
 * wins, a NaN always wins, and padding never wins. */
KERNEL(max_pool2d, FLOATS, (rt_exec *e, const rt_pool2d_shape *s, const void *x, void *y,
                            int32_t *at))
{
    for (int64_t i = 0; i < s->planes * s->oh * s->ow; i++) {
        int64_t ox = i % s->ow, oy = i / s->ow % s->oh, y0, y1, x0, x1;
        const T *plane = (const T *)x + i / (s->ow * s->oh) * s->h * s->w;
        window(oy, s->stride[0], s->pad[0], s->kh, s->h, &y0, &y1);
        window(ox, s->stride[1], s->pad[1], s->kw, s->w, &x0, &x1);
        int64_t best = y0 * s->w + x0;
        for (int64_t r = y0; r < y1; r++)
            for (int64_t c = x0; c < x1; c++)
                if (plane[r * s->w + c] > plane[best] || isnan(plane[r * s->w + c]))
                    best = r * s->w + c;
        ((T *)y)[i] = plane[best];
        at[i] = (int32_t)best;
    }
}

/* The gradient with respect to x: each dy goes to the position of its maximum. */
KERNEL(max_pool2d_dx, FLOATS, (rt_exec *e, const rt_pool2d_shape *s, const void *dy,
                               const int32_t *at, void *dx))
{
    memset(dx, 0, (size_t)(s->planes * s->h * s->w) * sizeof(T));
    for (int64_t i = 0; i < s->planes * s->oh * s->ow; i++)
        ((T *)dx)[i / (s->ow * s->oh) * s->h * s->w + at[i]] += ((const T *)dy)[i];
}

/* If dy is NULL sets y from x, else distributes dy to x. */
static void avg_pool2d_run(const rt_pool2d_shape *s, T *x_, T *y, const T *dy)
{
    for (int64_t i = 0; i < s->planes * s->oh * s->ow; i++) {
        int64_t ox = i % s->ow, oy = i / s->ow % s->oh, y0, y1, x0, x1;
        T *x = x_ + i / (s->ow * s->oh) * s->h * s->w;
        window(oy, s->stride[0], s->pad[0], s->kh, s->h, &y0, &y1);
        window(ox, s->stride[1], s->pad[1], s->kw, s->w, &x0, &x1);
        wide count = (wide)(s->skip_padding ? (y1 - y0) * (x1 - x0) : s->kh * s->kw), sum = 0;
        for (int64_t r = y0; r < y1; r++)
            for (int64_t c = x0; c < x1; c++)
                if (dy)
                    x[r * s->w + c] += (T)(dy[i] / count);
                else
                    sum += x[r * s->w + c];
        if (!dy)
            y[i] = (T)(sum / count);
    }
}

/* y: the mean of each window; s says what to divide by. */
KERNEL(avg_pool2d, FLOATS, (rt_exec *e, const rt_pool2d_shape *s, const void *x, void *y))
{
    avg_pool2d_run(s, (T *)x, y, NULL); /* only reads x */
}

/* The gradient with respect to x: each dy is divided among the elements of its window. */
KERNEL(avg_pool2d_dx, FLOATS, (rt_exec *e, const rt_pool2d_shape *s, const void *dy, void *dx))
{
    memset(dx, 0, (size_t)(s->planes * s->h * s->w) * sizeof(T));
    avg_pool2d_run(s, dx, NULL, dy);
}
