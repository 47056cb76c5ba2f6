/* Reference kernels on rows: softmax and related ones, cross-entropy, argmax. See kernels/ref/wide.h. */
#include "common/base/error.h"
#include "kernels/ref/wide.h"
#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

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

/* y = exp(x) / sum(exp(x)) for each row. x, y: [r.n, r.len], as in all kernels on rows. */
KERNEL(softmax, FLOATS, (rt_exec *e, rt_rows r, const void *x, void *y))
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *xi = (const T *)x + i * r.len;
        wide m = row_max(r.len, xi), sum = 0;
        for (int64_t j = 0; j < r.len; j++)
            sum += WIDE(exp)(xi[j] - m);
        for (int64_t j = 0; j < r.len; j++)
            ((T *)y)[i * r.len + j] = (T)(WIDE(exp)(xi[j] - m) / sum);
    }
}

/* y = x - log(sum(exp(x))) for each row. */
KERNEL(log_softmax, FLOATS, (rt_exec *e, rt_rows r, const void *x, void *y))
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *xi = (const T *)x + i * r.len;
        wide lse = row_lse(r.len, xi);
        for (int64_t j = 0; j < r.len; j++)
            ((T *)y)[i * r.len + j] = (T)(xi[j] - lse);
    }
}

/* dx = y * (dy - sum(dy * y)). */
KERNEL(softmax_dx, FLOATS, (rt_exec *e, rt_rows r, const void *y, const void *dy, void *dx))
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *yi = (const T *)y + i * r.len, *dyi = (const T *)dy + i * r.len;
        wide dot = 0;
        for (int64_t j = 0; j < r.len; j++)
            dot += (wide)yi[j] * dyi[j];
        for (int64_t j = 0; j < r.len; j++)
            ((T *)dx)[i * r.len + j] = (T)(yi[j] * (dyi[j] - dot));
    }
}

/* dx = dy - exp(y) * sum(dy). */
KERNEL(log_softmax_dx, FLOATS, (rt_exec *e, rt_rows r, const void *y, const void *dy, void *dx))
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *yi = (const T *)y + i * r.len, *dyi = (const T *)dy + i * r.len;
        wide sum = 0;
        for (int64_t j = 0; j < r.len; j++)
            sum += dyi[j];
        for (int64_t j = 0; j < r.len; j++)
            ((T *)dx)[i * r.len + j] = (T)(dyi[j] - WIDE(exp)(yi[j]) * sum);
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

/* loss[i] = (1-e) * (lse_i - x[i,label]) + e * (lse_i - mean_j x[i,j]), e = label_smoothing, lse = log sum exp; 0 where
 * label == ignore_index. labels: int64 [r.n]; loss, dloss: [r.n]. Any other label outside [0, r.len) fills the
 * error slot (RANGE) and names the row. */
KERNEL(cross_entropy, FLOATS, (rt_exec *e, rt_rows r, rt_cross_entropy_shape c, const void *x,
                               const int64_t *labels, void *loss))
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *xi = (const T *)x + i * r.len;
        ((T *)loss)[i] = 0;
        if (labels[i] == c.ignore_index || !label_ok(r, i, labels[i]))
            continue;
        wide lse = row_lse(r.len, xi), mean = 0;
        for (int64_t j = 0; j < r.len; j++)
            mean += xi[j] / (wide)r.len;
        wide smooth = (T)c.label_smoothing;
        ((T *)loss)[i] =
            (T)((1 - smooth) * (lse - xi[labels[i]]) + (smooth != 0 ? smooth * (lse - mean) : 0));
    }
}

/* dx: the gradient of loss * dloss, row by row. */
KERNEL(cross_entropy_dx, FLOATS, (rt_exec *e, rt_rows r, rt_cross_entropy_shape c, const void *x,
                                  const int64_t *labels, const void *dloss, void *dx))
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *xi = (const T *)x + i * r.len;
        T *dxi = (T *)dx + i * r.len;
        memset(dxi, 0, (size_t)r.len * sizeof *dxi);
        if (labels[i] == c.ignore_index || !label_ok(r, i, labels[i]))
            continue;
        wide lse = row_lse(r.len, xi), smooth = (T)c.label_smoothing, d = ((const T *)dloss)[i];
        for (int64_t j = 0; j < r.len; j++)
            dxi[j] = (T)(d * (WIDE(exp)(xi[j] - lse) - (j == labels[i] ? 1 - smooth : 0) -
                              smooth / (wide)r.len));
    }
}

/* share[0] = 1 / (number of the n labels that are not ignore_index), divided in double and rounded once. */
KERNEL(label_share, FLOATS, (rt_exec *e, int64_t n, const int64_t *labels, int64_t ignore_index,
                             void *share))
{
    double count = 0;
    for (int64_t i = 0; i < n; i++)
        count += labels[i] == ignore_index ? 0 : 1;
    *(T *)share = (T)(1 / count);
}

/* at[i]: the column of the largest element of row i: the first of equal ones, or the first NaN if there is one. r.len >= 1. The
 * kernels for integers and bool are in kernels/cpu/integer.c. */
KERNEL(argmax, FLOATS, (rt_exec *e, rt_rows r, const void *x, int64_t *at))
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *xi = (const T *)x + i * r.len;
        at[i] = 0;
        for (int64_t j = 1; j < r.len; j++)
            if (xi[j] > xi[at[i]] || (isnan(xi[j]) && !isnan(xi[at[i]])))
                at[i] = j;
    }
}
