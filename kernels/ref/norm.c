/* Reference kernels: normalisation: of rows, and by channels. See kernels/ref/wide.h. */
#include "kernels/ref/wide.h"
#include <math.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

void KERNEL_NAME(normalize)(rt_exec *e, rt_rows r, double eps, const void *x_, void *y, void *scale)
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *x = (const T *)x_ + i * r.len;
        wide mean = 0, var = 0;
        for (int64_t j = 0; j < r.len; j++)
            mean += x[j];
        mean /= (wide)r.len;
        for (int64_t j = 0; j < r.len; j++)
            var += (x[j] - mean) * (x[j] - mean);
        wide s = 1 / WIDE(sqrt)(var / (wide)r.len + eps);
        ((T *)scale)[i] = (T)s;
        for (int64_t j = 0; j < r.len; j++)
            ((T *)y)[i * r.len + j] = (T)((x[j] - mean) * s);
    }
}

void KERNEL_NAME(normalize_dx)(rt_exec *e, rt_rows r, const void *y_, const void *scale,
                               const void *dy_, void *dx)
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *y = (const T *)y_ + i * r.len, *dy = (const T *)dy_ + i * r.len;
        wide mean = 0, dot = 0, s = ((const T *)scale)[i];
        for (int64_t j = 0; j < r.len; j++) {
            mean += dy[j];
            dot += (wide)dy[j] * y[j];
        }
        mean /= (wide)r.len, dot /= (wide)r.len;
        for (int64_t j = 0; j < r.len; j++)
            ((T *)dx)[i * r.len + j] = (T)(s * (dy[j] - mean - y[j] * dot));
    }
}

static T of_channel(const void *values, int64_t channel)
{
    return values ? ((const T *)values)[channel] : 0;
}

void KERNEL_NAME(channel_dot)(rt_exec *e, rt_channels s, const void *x_, const void *mx,
                              const void *y_, const void *my, void *out)
{
    for (int64_t i = 0; i < s.n * s.c; i++) {
        const T *x = (const T *)x_ + i * s.len, *y = (const T *)y_ + i * s.len;
        wide sum = 0;
        for (int64_t j = 0; j < s.len; j++)
            sum += ((wide)x[j] - of_channel(mx, i % s.c)) * ((wide)y[j] - of_channel(my, i % s.c));
        ((T *)out)[i] = (T)sum;
    }
}

void KERNEL_NAME(channel_affine)(rt_exec *e, rt_channels s, const void *x, const void *m,
                                 const void *a, const void *b, void *y)
{
    for (int64_t i = 0; i < s.n * s.c * s.len; i++) {
        int64_t c = i / s.len % s.c;
        wide centred = (wide)((const T *)x)[i] - of_channel(m, c);
        ((T *)y)[i] = (T)(centred * of_channel(a, c) + of_channel(b, c));
    }
}
