/* Reference kernels: what works on rows: softmax and its kin, cross-entropy, argmax. See kernels/ref/wide.h. */
#include "common/error.h"
#include "kernels/ref/wide.h"
#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

static wide row_max(int64_t len, const T *x)
{
    wide m = -INFINITY;
    for (int64_t j = 0; j < len; j++)
        m = WIDE(fmax)(m, x[j]);
    return m;
}

/* WIDE(log)(sum(exp(x))) */
static wide row_lse(int64_t len, const T *x)
{
    wide m = row_max(len, x), sum = 0;
    for (int64_t j = 0; j < len; j++)
        sum += WIDE(exp)(x[j] - m);
    return m + WIDE(log)(sum);
}

void KERNEL_NAME(softmax)(rt_exec *e, rt_rows r, const void *x_, void *y)
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *x = (const T *)x_ + i * r.len;
        wide m = row_max(r.len, x), sum = 0;
        for (int64_t j = 0; j < r.len; j++)
            sum += WIDE(exp)(x[j] - m);
        for (int64_t j = 0; j < r.len; j++)
            ((T *)y)[i * r.len + j] = (T)(WIDE(exp)(x[j] - m) / sum);
    }
}

void KERNEL_NAME(log_softmax)(rt_exec *e, rt_rows r, const void *x_, void *y)
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *x = (const T *)x_ + i * r.len;
        wide lse = row_lse(r.len, x);
        for (int64_t j = 0; j < r.len; j++)
            ((T *)y)[i * r.len + j] = (T)(x[j] - lse);
    }
}

void KERNEL_NAME(softmax_dx)(rt_exec *e, rt_rows r, const void *y_, const void *dy_, void *dx)
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *y = (const T *)y_ + i * r.len, *dy = (const T *)dy_ + i * r.len;
        wide dot = 0;
        for (int64_t j = 0; j < r.len; j++)
            dot += (wide)y[j] * dy[j];
        for (int64_t j = 0; j < r.len; j++)
            ((T *)dx)[i * r.len + j] = (T)(y[j] * (dy[j] - dot));
    }
}

void KERNEL_NAME(log_softmax_dx)(rt_exec *e, rt_rows r, const void *y_, const void *dy_, void *dx)
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *y = (const T *)y_ + i * r.len, *dy = (const T *)dy_ + i * r.len;
        wide sum = 0;
        for (int64_t j = 0; j < r.len; j++)
            sum += dy[j];
        for (int64_t j = 0; j < r.len; j++)
            ((T *)dx)[i * r.len + j] = (T)(dy[j] - WIDE(exp)(y[j]) * sum);
    }
}

static bool label_ok(rt_rows r, int64_t row, int64_t label)
{
    if (label >= 0 && label < r.len)
        return true;
    RT_FAIL(RANGE, "cross_entropy: target %lld in row %lld, expected 0 to %lld", (long long)label,
            (long long)row, (long long)r.len - 1);
    return false;
}

void KERNEL_NAME(cross_entropy)(rt_exec *e, rt_rows r, rt_cross_entropy_shape c, const void *x_,
                                const int64_t *labels, void *loss)
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *x = (const T *)x_ + i * r.len;
        ((T *)loss)[i] = 0;
        if (labels[i] == c.ignore_index || !label_ok(r, i, labels[i]))
            continue;
        wide lse = row_lse(r.len, x), mean = 0;
        for (int64_t j = 0; j < r.len; j++)
            mean += x[j] / (wide)r.len;
        wide smooth = (T)c.label_smoothing;
        ((T *)loss)[i] =
            (T)((1 - smooth) * (lse - x[labels[i]]) + (smooth != 0 ? smooth * (lse - mean) : 0));
    }
}

void KERNEL_NAME(cross_entropy_dx)(rt_exec *e, rt_rows r, rt_cross_entropy_shape c, const void *x_,
                                   const int64_t *labels, const void *dloss, void *dx_)
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *x = (const T *)x_ + i * r.len;
        T *dx = (T *)dx_ + i * r.len;
        memset(dx, 0, (size_t)r.len * sizeof *dx);
        if (labels[i] == c.ignore_index || !label_ok(r, i, labels[i]))
            continue;
        wide lse = row_lse(r.len, x), smooth = (T)c.label_smoothing, d = ((const T *)dloss)[i];
        for (int64_t j = 0; j < r.len; j++)
            dx[j] = (T)(d * (WIDE(exp)(x[j] - lse) - (j == labels[i] ? 1 - smooth : 0) -
                             smooth / (wide)r.len));
    }
}

void KERNEL_NAME(argmax)(rt_exec *e, rt_rows r, const void *x_, int64_t *at)
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *x = (const T *)x_ + i * r.len;
        at[i] = 0;
        for (int64_t j = 1; j < r.len; j++)
            if (x[j] > x[at[i]] || (isnan(x[j]) && !isnan(x[at[i]])))
                at[i] = j;
    }
}
