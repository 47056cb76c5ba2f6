/* Reference kernels: pooling and its gradients. See kernels/ref/wide.h. */
#include "common/slices.h"
#include "kernels/ref/wide.h"
#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

/* The part of window o of one axis that lies on the input: [*lo, *hi). */
static void window(int64_t o, int64_t stride, int64_t pad, int64_t k, int64_t size, int64_t *lo,
                   int64_t *hi)
{
    *lo = rt__max(o * stride - pad, 0);
    *hi = rt__min(o * stride - pad + k, size);
}

void KERNEL_NAME(max_pool2d)(rt_exec *e, const rt_pool2d_shape *s, const void *x_, void *y,
                             int32_t *at)
{
    for (int64_t i = 0; i < s->planes * s->oh * s->ow; i++) {
        int64_t ox = i % s->ow, oy = i / s->ow % s->oh, y0, y1, x0, x1;
        const T *x = (const T *)x_ + i / (s->ow * s->oh) * s->h * s->w;
        window(oy, s->stride[0], s->pad[0], s->kh, s->h, &y0, &y1);
        window(ox, s->stride[1], s->pad[1], s->kw, s->w, &x0, &x1);
        int64_t best = y0 * s->w + x0;
        for (int64_t r = y0; r < y1; r++)
            for (int64_t c = x0; c < x1; c++)
                if (x[r * s->w + c] > x[best] || isnan(x[r * s->w + c]))
                    best = r * s->w + c;
        ((T *)y)[i] = x[best];
        at[i] = (int32_t)best;
    }
}

void KERNEL_NAME(max_pool2d_dx)(rt_exec *e, const rt_pool2d_shape *s, const void *dy,
                                const int32_t *at, void *dx)
{
    memset(dx, 0, (size_t)(s->planes * s->h * s->w) * sizeof(T));
    for (int64_t i = 0; i < s->planes * s->oh * s->ow; i++)
        ((T *)dx)[i / (s->ow * s->oh) * s->h * s->w + at[i]] += ((const T *)dy)[i];
}

/* With dy NULL sets y from x, else adds dy's shares to x. */
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

void KERNEL_NAME(avg_pool2d)(rt_exec *e, const rt_pool2d_shape *s, const void *x, void *y)
{
    avg_pool2d_run(s, (T *)x, y, NULL); /* only reads x */
}

void KERNEL_NAME(avg_pool2d_dx)(rt_exec *e, const rt_pool2d_shape *s, const void *dy, void *dx)
{
    memset(dx, 0, (size_t)(s->planes * s->h * s->w) * sizeof(T));
    avg_pool2d_run(s, dx, NULL, dy);
}
