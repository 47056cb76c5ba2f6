/* Reference kernels: plain loops, one thread, no code shared with the fast ones, for floats in double precision, for doubles in
 * long double. They are the oracle of the tests and what runs where nothing better is installed: slow, never wrong. The build
 * compiles this file once per element type (element.h). */
#include "common/error.h"
#include "common/slices.h"
#include "kernels/cpu/wide.h"
#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

void KERNEL_NAME(gemm)(rt_exec *e, rt_gemm_shape g, const void *a_, const void *b_,
                       const void *bias, void *c_)
{
    const T *a = a_, *b = b_;
    T *c = c_;
    for (int64_t i = 0; i < g.m; i++) {
        for (int64_t j = 0; j < g.n; j++) {
            wide sum = 0;
            for (int64_t p = 0; p < g.k; p++)
                sum += (wide)a[g.ta ? p * g.lda + i : i * g.lda + p] *
                       b[g.tb ? j * g.ldb + p : p * g.ldb + j];
            sum *= (T)g.alpha;
            if (g.beta != 0)
                sum += (wide)(T)g.beta * c[i * g.ldc + j];
            if (bias)
                sum += ((const T *)bias)[j];
            c[i * g.ldc + j] = (T)sum;
        }
    }
}

/* One multiplication of a convolution: elements x[xi] * w[wi] belong to y[yi]. */
typedef struct tap {
    int64_t xi, wi, yi;
} tap;

/* Calls f for every pair of an output element and a weight that meets the input. */
static void conv2d_visit(const rt_conv2d_shape *s, void (*f)(void *ctx, tap t), void *ctx)
{
    int64_t cg = s->c / s->groups, og = s->oc / s->groups;
    int64_t outputs = s->n * s->oc * s->oh * s->ow, weights = cg * s->kh * s->kw;
    for (int64_t yi = 0; yi < outputs; yi++) {
        int64_t ox = yi % s->ow, oy = yi / s->ow % s->oh, oc = yi / (s->ow * s->oh) % s->oc;
        int64_t n = yi / (s->ow * s->oh * s->oc);
        for (int64_t k = 0; k < weights; k++) {
            int64_t kx = k % s->kw, ky = k / s->kw % s->kh, ic = k / (s->kw * s->kh) + oc / og * cg;
            int64_t iy = oy * s->stride[0] - s->pad[0] + ky * s->dilation[0];
            int64_t ix = ox * s->stride[1] - s->pad[1] + kx * s->dilation[1];
            if (iy < 0 || iy >= s->h || ix < 0 || ix >= s->w)
                continue;
            f(ctx, (tap){((n * s->c + ic) * s->h + iy) * s->w + ix, oc * weights + k, yi});
        }
    }
}

/* a: the two factors; sum: wide accumulators of the result. */
typedef struct conv_sum {
    const T *a, *b;
    wide *sum;
} conv_sum;

static void tap_y(void *ctx, tap t)
{
    conv_sum *c = ctx;
    c->sum[t.yi] += (wide)c->a[t.xi] * c->b[t.wi];
}

static void tap_dx(void *ctx, tap t)
{
    conv_sum *c = ctx;
    c->sum[t.xi] += (wide)c->a[t.yi] * c->b[t.wi];
}

static void tap_dw(void *ctx, tap t)
{
    conv_sum *c = ctx;
    c->sum[t.wi] += (wide)c->a[t.xi] * c->b[t.yi];
}

/* Sums all taps in wide scratch, then rounds; adds bias[i / plane % channels] unless bias is
 * NULL. */
static void conv2d_run(rt_exec *e, const rt_conv2d_shape *s, void (*f)(void *, tap), const void *a,
                       const void *b, const T *bias, T *out, int64_t count)
{
    wide *sum = rt_scratch(e, (size_t)count * sizeof *sum);
    if (!sum)
        return;
    memset(sum, 0, (size_t)count * sizeof *sum);
    conv2d_visit(s, f, &(conv_sum){a, b, sum});
    for (int64_t i = 0; i < count; i++)
        out[i] = (T)(sum[i] + (bias ? bias[i / (s->oh * s->ow) % s->oc] : 0));
}

void KERNEL_NAME(conv2d)(rt_exec *e, const rt_conv2d_shape *s, const void *x, const void *w,
                         const void *bias, void *y)
{
    conv2d_run(e, s, tap_y, x, w, bias, y, s->n * s->oc * s->oh * s->ow);
}

void KERNEL_NAME(conv2d_dx)(rt_exec *e, const rt_conv2d_shape *s, const void *dy, const void *w,
                            void *dx)
{
    conv2d_run(e, s, tap_dx, dy, w, NULL, dx, s->n * s->c * s->h * s->w);
}

void KERNEL_NAME(conv2d_dw)(rt_exec *e, const rt_conv2d_shape *s, const void *x, const void *dy,
                            void *dw)
{
    conv2d_run(e, s, tap_dw, x, dy, NULL, dw, s->oc * (s->c / s->groups) * s->kh * s->kw);
}

void KERNEL_NAME(conv2d_db)(rt_exec *e, const rt_conv2d_shape *s, const void *dy, void *db)
{
    int64_t plane = s->oh * s->ow;
    for (int64_t oc = 0; oc < s->oc; oc++) {
        wide sum = 0;
        for (int64_t i = 0; i < s->n * plane; i++)
            sum += ((const T *)dy)[(i / plane * s->oc + oc) * plane + i % plane];
        ((T *)db)[oc] = (T)sum;
    }
}

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

/* Does a come before b, where either may be NaN? */
static bool comes_before(T a, T b, bool largest)
{
    bool above = a > b || (isnan(a) && !isnan(b)), below = a < b || (isnan(b) && !isnan(a));
    return largest ? above : below;
}

/* How many elements of the row come before column j. */
static int64_t rank_of(int64_t len, const T *x, int64_t j, bool largest)
{
    int64_t rank = 0;
    for (int64_t i = 0; i < len; i++)
        rank += comes_before(x[i], x[j], largest) || (i < j && !comes_before(x[j], x[i], largest));
    return rank;
}

void KERNEL_NAME(topk)(rt_exec *e, rt_rows r, rt_topk_shape s, const void *x_, void *values,
                       int64_t *places)
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *x = (const T *)x_ + i * r.len;
        for (int64_t j = 0, found = 0; j < r.len; j++) {
            int64_t rank = rank_of(r.len, x, j, s.largest), to = s.sorted ? rank : found;
            if (rank >= s.k)
                continue;
            ((T *)values)[i * s.k + to] = x[j];
            places[i * s.k + to] = j;
            found++;
        }
    }
}

/* Reduces with `step`, from `start`, then divides by `divisor`. */
#define FOLD(name, start, step, divisor)                                                           \
    void KERNEL_NAME(name)(rt_exec * e, rt_fold f, const void *x, void *y)                         \
    {                                                                                              \
        for (int64_t i = 0; i < f.outer * f.inner; i++) {                                          \
            const T *in = (const T *)x + i / f.inner * f.red * f.inner + i % f.inner;              \
            wide acc = start;                                                                      \
            for (int64_t r = 0; r < f.red; r++) {                                                  \
                wide v = (wide)in[r * f.inner];                                                    \
                acc = step;                                                                        \
            }                                                                                      \
            ((T *)y)[i] = (T)(acc / divisor);                                                      \
        }                                                                                          \
    }
FOLD(sum, 0, acc + v, 1)
FOLD(mean, 0, acc + v, (wide)f.red)
FOLD(max, -INFINITY, v > acc || isnan(v) ? v : acc, 1)
FOLD(min, INFINITY, v < acc || isnan(v) ? v : acc, 1)

void KERNEL_NAME(sum_squares)(rt_exec *e, int64_t n, const void *x_, double *partial)
{
    const T *x = x_;
    for (int64_t i = 0; i < n; i++) {
        if (i % RT_BLOCK == 0)
            partial[i / RT_BLOCK] = 0;
        partial[i / RT_BLOCK] += (wide)x[i] * x[i];
    }
}

void KERNEL_NAME(axpy)(rt_exec *e, int64_t n, double alpha, const void *x, void *y)
{
    for (int64_t i = 0; i < n; i++)
        ((T *)y)[i] = (T)(((T *)y)[i] + (wide)(T)alpha * ((const T *)x)[i]);
}

void KERNEL_NAME(scale)(rt_exec *e, int64_t n, double alpha, const void *x, void *y)
{
    for (int64_t i = 0; i < n; i++)
        ((T *)y)[i] = (T)alpha * ((const T *)x)[i];
}

void KERNEL_NAME(sgd)(rt_exec *e, int64_t n, rt_sgd_shape s, void *p_, const void *g_, void *buf_)
{
    T *p = p_, *buf = buf_;
    for (int64_t i = 0; i < n; i++) {
        wide g = s.grad_scale * ((const T *)g_)[i] + s.weight_decay * p[i], d = g;
        if (buf) {
            d = s.first ? g : s.momentum * buf[i] + (1 - s.dampening) * g;
            buf[i] = (T)d;
            if (s.nesterov)
                d = g + s.momentum * d;
        }
        p[i] = (T)(p[i] - s.lr * d);
    }
}

void KERNEL_NAME(adamw)(rt_exec *e, int64_t n, rt_adamw_shape s, void *p_, const void *g_, void *m_,
                        void *v_)
{
    T *p = p_, *m = m_, *v = v_;
    wide c1 = 1 - WIDE(pow)(s.beta1, (wide)s.step), c2 = 1 - WIDE(pow)(s.beta2, (wide)s.step);
    for (int64_t i = 0; i < n; i++) {
        wide g = s.grad_scale * ((const T *)g_)[i];
        wide mi = s.beta1 * m[i] + (1 - s.beta1) * g, vi = s.beta2 * v[i] + (1 - s.beta2) * g * g;
        m[i] = (T)mi;
        v[i] = (T)vi;
        p[i] = (T)(p[i] * (1 - s.lr * s.weight_decay) -
                   s.lr / c1 * mi / (WIDE(sqrt)(vi) / WIDE(sqrt)(c2) + s.eps));
    }
}

void KERNEL_NAME(adam)(rt_exec *e, int64_t n, rt_adam_shape s, void *p_, const void *g_, void *m_,
                       void *v_, void *most_, void *step)
{
    T *p = p_, *m = m_, *v = v_, *most = most_;
    wide c1 = 1 - WIDE(pow)(s.beta1, (wide)s.step), c2 = 1 - WIDE(pow)(s.beta2, (wide)s.step);
    for (int64_t i = 0; i < n; i++) {
        wide g = s.grad_scale * ((const T *)g_)[i] + s.weight_decay * p[i];
        wide mi = s.beta1 * m[i] + (1 - s.beta1) * g, vi = s.beta2 * v[i] + (1 - s.beta2) * g * g;
        wide largest = most && most[i] > vi ? most[i] : vi;
        wide d = mi / c1 / (WIDE(sqrt)(largest) / WIDE(sqrt)(c2) + s.eps) + s.decay * p[i];
        if (step) {
            ((T *)step)[i] = (T)d;
            continue;
        }
        m[i] = (T)mi;
        v[i] = (T)vi;
        if (most)
            most[i] = (T)largest;
        p[i] = (T)(p[i] - s.lr * d);
    }
}

/* Random numbers are floats of double arithmetic, whatever T is. Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC'11. */
static uint32_t philox_word(rt_rng r, int64_t i)
{
    uint64_t element = r.skip + (uint64_t)(i / 4);
    uint64_t key = r.seed ^ (element >> 32) * 0x9E3779B97F4A7C15;
    uint32_t c[4] = {r.step, r.slice, r.stream, (uint32_t)element};
    uint32_t k[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53 * c[0], p1 = (uint64_t)0xCD9E8D57 * c[2];
        uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k[0], (uint32_t)p1,
                            (uint32_t)(p0 >> 32) ^ c[3] ^ k[1], (uint32_t)p0};
        memcpy(c, next, sizeof c);
        k[0] += 0x9E3779B9;
        k[1] += 0xBB67AE85;
    }
    return c[i % 4];
}

void KERNEL_NAME(uniform)(rt_exec *e, rt_rng r, int64_t n, double lo, double hi, void *y)
{
    for (int64_t i = 0; i < n; i++) {
        float v = (float)(lo + (hi - lo) * (philox_word(r, i) >> 8) * 0x1p-24);
        ((T *)y)[i] = v < (float)hi ? v : nextafterf((float)hi, (float)lo);
    }
}

void KERNEL_NAME(normal)(rt_exec *e, rt_rng r, int64_t n, double mean, double std, void *y)
{
    for (int64_t i = 0; i < n; i++) {
        double u = ((philox_word(r, i & ~1) >> 8) + 1) * 0x1p-24; /* (0, 1] */
        double turn = (philox_word(r, i | 1) >> 8) * 0x1p-24 * 2 * M_PI;
        ((T *)y)[i] = (float)(mean + std * sqrt(-2 * log(u)) * (i % 2 ? sin(turn) : cos(turn)));
    }
}

void KERNEL_NAME(dropout_mask)(rt_exec *e, rt_rng r, int64_t n, double p, void *y)
{
    for (int64_t i = 0; i < n; i++)
        ((T *)y)[i] = (philox_word(r, i) >> 8) * 0x1p-24 < p ? 0 : (float)(1 / (1 - p));
}

void KERNEL_NAME(bernoulli)(rt_exec *e, rt_rng r, int64_t n, double p, void *y)
{
    for (int64_t i = 0; i < n; i++)
        ((T *)y)[i] = (philox_word(r, i) >> 8) * 0x1p-24 < (double)(float)p;
}

#if RT_BITS == 32 /* once */
void KERNEL_NAME_(randint, i64, RT_LEVEL)(rt_exec *e, rt_rng r, int64_t n, int64_t low,
                                          uint64_t range, void *y)
{
    for (int64_t i = 0; i < n; i++) {
        uint64_t word = (uint64_t)philox_word(r, 2 * i + 1) << 32 | philox_word(r, 2 * i);
        uint64_t high = (uint64_t)((unsigned __int128)word * range >> 64);
        ((int64_t *)y)[i] = (int64_t)((uint64_t)low + high);
    }
}
#endif
