/* Reference kernels of attention: y = softmax(scale * q k^T + mask) v for each head. See kernels/ref/wide.h. */
#include "kernels/ref/wide.h"
#include <math.h>
#include <stdint.h>

/* x[j] = the score of position i of head h for each j, -infinity where j is not seen. */
static void scores_of(const rt_attention_shape *a, int64_t h, int64_t i, const T *q, const T *k,
                      const void *mask, wide *x)
{
    const T *qi = q + rt_grid_place(a->heads, 0, h) + i * a->ldq;
    k += rt_grid_place(a->heads, 1, h);
    for (int64_t j = 0; j < a->s; j++) {
        x[j] = 0;
        for (int64_t p = 0; p < a->d; p++)
            x[j] += (wide)qi[p] * k[j * a->ldk + p];
        x[j] *= a->scale;
        if (mask) {
            int64_t at =
                rt_grid_place(a->masks, 0, h) + i * a->mask_stride[0] + j * a->mask_stride[1];
            if (!a->mask_is_bool)
                x[j] += ((const T *)mask)[at];
            else if (!((const bool *)mask)[at])
                x[j] = -INFINITY;
        }
        if (a->causal && j > i)
            x[j] = -INFINITY;
    }
}

/* Turns scores into weights, all 0 if nothing is seen; returns the logarithm of the sum of their exponentials, or infinity then. */
static wide weigh(int64_t n, wide *x)
{
    wide m = -INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++)
        m = WIDE(fmax)(m, x[j]);
    for (int64_t j = 0; j < n; j++)
        sum += x[j] = m == -INFINITY && !isnan(x[j]) ? 0 : WIDE(exp)(x[j] - m);
    for (int64_t j = 0; j < n && sum != 0; j++)
        x[j] /= sum;
    return sum == 0 ? INFINITY : m + WIDE(log)(sum);
}

/* Returns the factors of the weights of position i: 0 or 1 / (1 - p). */
static const T *kept(rt_exec *e, const rt_attention_shape *a, int64_t h, int64_t i, T *factor)
{
    int64_t first = (h * a->t + i) * a->s;
    rt_rng rng = a->rng;
    rng.skip += (uint64_t)(first / 4);
    for (int64_t j = 0; j < a->s + 3 && !(a->dropout > 0); j++)
        factor[j] = 1;
    if (a->dropout > 0)
        e->kernels->dropout_mask[T_DTYPE](e, rng, first % 4 + a->s, a->dropout, factor);
    return factor + first % 4;
}

/* y = softmax(scale * q k^T + mask) v, the weights multiplied by a dropout_mask; 0 where nothing is seen.
 * lse[h, i] = log(sum(exp(scores))), infinity where nothing is seen. y: [heads, t, e], lse: [heads, t]. mask may be NULL. */
KERNEL(attention, FLOATS, (rt_exec *e, const rt_attention_shape *a, const void *q, const void *k,
                           const void *v, const void *mask, void *y, void *lse))
{
    wide *x = rt_scratch(e, (size_t)(a->s + 3) * (sizeof *x + sizeof(T)));
    for (int64_t row = 0; x && row < rt_grid_count(a->heads) * a->t; row++) {
        int64_t h = row / a->t, i = row % a->t;
        const T *vh = (const T *)v + rt_grid_place(a->heads, 2, h);
        const T *factor = kept(e, a, h, i, (T *)(x + a->s + 3));
        scores_of(a, h, i, q, k, mask, x);
        ((T *)lse)[row] = (T)weigh(a->s, x);
        for (int64_t p = 0; p < a->e; p++) {
            wide sum = 0;
            for (int64_t j = 0; j < a->s; j++)
                sum += x[j] * factor[j] * vh[j * a->ldv + p];
            ((T *)y)[row * a->e + p] = (T)sum;
        }
    }
}

/* Adds the gradients of position i of head h: with g = the gradients of the scores, those of q, k and v. x: the weights. */
static void add_gradients(const rt_attention_shape *a, const T *qi, const T *kh, const T *dyi,
                          const T *factor, const wide *x, const wide *g, T *dqi, wide *dk, wide *dv)
{
    for (int64_t p = 0; p < a->d; p++) {
        wide sum = 0;
        for (int64_t j = 0; j < a->s; j++) {
            sum += g[j] * kh[j * a->ldk + p];
            dk[j * a->d + p] += g[j] * qi[p] * a->scale;
        }
        dqi[p] = (T)(sum * a->scale);
    }
    for (int64_t j = 0; j < a->s; j++)
        for (int64_t p = 0; p < a->e; p++)
            dv[j * a->e + p] += x[j] * factor[j] * dyi[p];
}

/* The gradients of q, k and v, which are contiguous: [heads, t, d], [heads, s, d], [heads, s, e]. y and lse as attention has computed
 * them. */
KERNEL(attention_dx, FLOATS, (rt_exec *e, const rt_attention_shape *a, const void *q, const void *k,
                              const void *v, const void *mask, const void *y, const void *lse,
                              const void *dy, void *dq, void *dk, void *dv))
{
    int64_t s = a->s, of_k = s * a->d, of_v = s * a->e;
    wide *x =
        rt_scratch(e, (size_t)(2 * s + of_k + of_v) * sizeof *x + (size_t)(s + 3) * sizeof(T));
    wide *g = x + s, *sum_k = g + s, *sum_v = sum_k + of_k;
    for (int64_t h = 0; x && h < rt_grid_count(a->heads); h++) {
        const T *qh = (const T *)q + rt_grid_place(a->heads, 0, h),
                *kh = (const T *)k + rt_grid_place(a->heads, 1, h),
                *vh = (const T *)v + rt_grid_place(a->heads, 2, h);
        for (int64_t i = 0; i < of_k + of_v; i++)
            sum_k[i] = 0;
        for (int64_t i = 0, row = h * a->t; i < a->t; i++, row++) {
            const T *yi = (const T *)y + row * a->e, *dyi = (const T *)dy + row * a->e;
            const T *factor = kept(e, a, h, i, (T *)(sum_v + of_v));
            wide mean = 0;
            for (int64_t p = 0; p < a->e; p++)
                mean += (wide)yi[p] * dyi[p];
            scores_of(a, h, i, q, k, mask, x);
            for (int64_t j = 0; j < s; j++) {
                wide dot = 0;
                for (int64_t p = 0; p < a->e; p++)
                    dot += (wide)dyi[p] * vh[j * a->ldv + p];
                x[j] = WIDE(exp)(x[j] - ((const T *)lse)[row]);
                g[j] = x[j] * (dot * factor[j] - mean);
            }
            add_gradients(a, qh + i * a->ldq, kh, dyi, factor, x, g, (T *)dq + row * a->d, sum_k,
                          sum_v);
        }
        for (int64_t i = 0; i < of_k; i++)
            ((T *)dk)[h * of_k + i] = (T)sum_k[i];
        for (int64_t i = 0; i < of_v; i++)
            ((T *)dv)[h * of_v + i] = (T)sum_v[i];
    }
}
