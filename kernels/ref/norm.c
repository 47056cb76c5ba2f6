/* Reference kernels: normalisation of rows and of channels. See kernels/ref/wide.h. */
#include "kernels/ref/wide.h"
#include <math.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* y = (x - mean) * scale, scale[i] = 1 / sqrt(var + eps), for each row: mean = sum(x) / len, var = sum((x - mean)^2) / len. Sums are
 * in the order of `sum`, those of squares by fused multiply-add. scale: [r.n]. */
KERNEL(normalize, FLOATS, (rt_exec *e, rt_rows r, double eps, const void *x, void *y, void *scale))
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *xi = (const T *)x + i * r.len;
        wide mean = 0, var = 0;
        for (int64_t j = 0; j < r.len; j++)
            mean += xi[j];
        mean /= (wide)r.len;
        for (int64_t j = 0; j < r.len; j++)
            var += (xi[j] - mean) * (xi[j] - mean);
        wide s = 1 / WIDE(sqrt)(var / (wide)r.len + eps);
        ((T *)scale)[i] = (T)s;
        for (int64_t j = 0; j < r.len; j++)
            ((T *)y)[i * r.len + j] = (T)((xi[j] - mean) * s);
    }
}

/* dx = scale * (dy - sum(dy) / len - y * (sum(dy * y) / len)). */
KERNEL(normalize_dx, FLOATS, (rt_exec *e, rt_rows r, const void *y, const void *scale,
                              const void *dy, void *dx))
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *yi = (const T *)y + i * r.len, *dyi = (const T *)dy + i * r.len;
        wide mean = 0, dot = 0, s = ((const T *)scale)[i];
        for (int64_t j = 0; j < r.len; j++) {
            mean += dyi[j];
            dot += (wide)dyi[j] * yi[j];
        }
        mean /= (wide)r.len, dot /= (wide)r.len;
        for (int64_t j = 0; j < r.len; j++)
            ((T *)dx)[i * r.len + j] = (T)(s * (dyi[j] - mean - yi[j] * dot));
    }
}

static T of_channel(const void *values, int64_t channel)
{
    return values ? ((const T *)values)[channel] : 0;
}

/* out[i] = the sum over row i of (x - mx) * (y - my), with mx and my of the row's channel; NULL means 0. x, y: [n, c, len], mx, my:
 * [c], out: [n, c]. Rows are summed in the order of `sum`. */
KERNEL(channel_dot, FLOATS, (rt_exec *e, rt_channels s, const void *x, const void *mx,
                             const void *y, const void *my, void *out))
{
    for (int64_t i = 0; i < s.n * s.c; i++) {
        const T *xi = (const T *)x + i * s.len, *yi = (const T *)y + i * s.len;
        wide sum = 0;
        for (int64_t j = 0; j < s.len; j++)
            sum +=
                ((wide)xi[j] - of_channel(mx, i % s.c)) * ((wide)yi[j] - of_channel(my, i % s.c));
        ((T *)out)[i] = (T)sum;
    }
}

/* y = (x - m) * a + b, with m, a and b of the row's channel; m and b may be NULL, which means 0. */
KERNEL(channel_affine, FLOATS, (rt_exec *e, rt_channels s, const void *x, const void *m,
                                const void *a, const void *b, void *y))
{
    for (int64_t i = 0; i < s.n * s.c * s.len; i++) {
        int64_t c = i / s.len % s.c;
        wide centred = (wide)((const T *)x)[i] - of_channel(m, c);
        ((T *)y)[i] = (T)(centred * of_channel(a, c) + of_channel(b, c));
    }
}
