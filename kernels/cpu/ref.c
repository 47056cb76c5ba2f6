/* Reference kernels: plain loops in double precision, one thread, no code shared with the fast
 * ones. They are the oracle of the tests and what runs where nothing better is installed: slow,
 * never wrong. */
#include "common/error.h"
#include "common/slices.h"
#include "kernels/cpu/cpu.h"
#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

static void gemm_f32(rt_exec *e, rt_gemm_shape g, const void *a_, const void *b_, const void *bias,
                     void *c_)
{
    const float *a = a_, *b = b_;
    float *c = c_;
    for (int64_t i = 0; i < g.m; i++) {
        for (int64_t j = 0; j < g.n; j++) {
            double sum = 0;
            for (int64_t p = 0; p < g.k; p++)
                sum += (double)a[g.ta ? p * g.lda + i : i * g.lda + p] *
                       b[g.tb ? j * g.ldb + p : p * g.ldb + j];
            sum *= g.alpha;
            if (g.beta != 0)
                sum += (double)g.beta * c[i * g.ldc + j];
            if (bias)
                sum += ((const float *)bias)[j];
            c[i * g.ldc + j] = (float)sum;
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

/* a: the two factors; sum: double accumulators of the result. */
typedef struct conv_sum {
    const float *a, *b;
    double *sum;
} conv_sum;

static void tap_y(void *ctx, tap t)
{
    conv_sum *c = ctx;
    c->sum[t.yi] += (double)c->a[t.xi] * c->b[t.wi];
}

static void tap_dx(void *ctx, tap t)
{
    conv_sum *c = ctx;
    c->sum[t.xi] += (double)c->a[t.yi] * c->b[t.wi];
}

static void tap_dw(void *ctx, tap t)
{
    conv_sum *c = ctx;
    c->sum[t.wi] += (double)c->a[t.xi] * c->b[t.yi];
}

/* Sums all taps in double scratch, then rounds; adds bias[i / plane % channels] unless bias is
 * NULL. */
static void conv2d_run(rt_exec *e, const rt_conv2d_shape *s, void (*f)(void *, tap), const void *a,
                       const void *b, const float *bias, float *out, int64_t count)
{
    double *sum = rt_scratch(e, (size_t)count * sizeof *sum);
    if (!sum)
        return;
    memset(sum, 0, (size_t)count * sizeof *sum);
    conv2d_visit(s, f, &(conv_sum){a, b, sum});
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)(sum[i] + (bias ? bias[i / (s->oh * s->ow) % s->oc] : 0));
}

static void conv2d_f32(rt_exec *e, const rt_conv2d_shape *s, const void *x, const void *w,
                       const void *bias, void *y)
{
    conv2d_run(e, s, tap_y, x, w, bias, y, s->n * s->oc * s->oh * s->ow);
}

static void conv2d_dx_f32(rt_exec *e, const rt_conv2d_shape *s, const void *dy, const void *w,
                          void *dx)
{
    conv2d_run(e, s, tap_dx, dy, w, NULL, dx, s->n * s->c * s->h * s->w);
}

static void conv2d_dw_f32(rt_exec *e, const rt_conv2d_shape *s, const void *x, const void *dy,
                          void *dw)
{
    conv2d_run(e, s, tap_dw, x, dy, NULL, dw, s->oc * (s->c / s->groups) * s->kh * s->kw);
}

static void conv2d_db_f32(rt_exec *e, const rt_conv2d_shape *s, const void *dy, void *db)
{
    int64_t plane = s->oh * s->ow;
    for (int64_t oc = 0; oc < s->oc; oc++) {
        double sum = 0;
        for (int64_t i = 0; i < s->n * plane; i++)
            sum += ((const float *)dy)[(i / plane * s->oc + oc) * plane + i % plane];
        ((float *)db)[oc] = (float)sum;
    }
}

/* The part of window o of one axis that lies on the input: [*lo, *hi). */
static void window(int64_t o, int64_t stride, int64_t pad, int64_t k, int64_t size, int64_t *lo,
                   int64_t *hi)
{
    *lo = rt__max(o * stride - pad, 0);
    *hi = rt__min(o * stride - pad + k, size);
}

static void max_pool2d_f32(rt_exec *e, const rt_pool2d_shape *s, const void *x_, void *y,
                           int32_t *at)
{
    for (int64_t i = 0; i < s->planes * s->oh * s->ow; i++) {
        int64_t ox = i % s->ow, oy = i / s->ow % s->oh, y0, y1, x0, x1;
        const float *x = (const float *)x_ + i / (s->ow * s->oh) * s->h * s->w;
        window(oy, s->stride[0], s->pad[0], s->kh, s->h, &y0, &y1);
        window(ox, s->stride[1], s->pad[1], s->kw, s->w, &x0, &x1);
        int64_t best = y0 * s->w + x0;
        for (int64_t r = y0; r < y1; r++)
            for (int64_t c = x0; c < x1; c++)
                if (x[r * s->w + c] > x[best] || isnan(x[r * s->w + c]))
                    best = r * s->w + c;
        ((float *)y)[i] = x[best];
        at[i] = (int32_t)best;
    }
}

static void max_pool2d_dx_f32(rt_exec *e, const rt_pool2d_shape *s, const void *dy,
                              const int32_t *at, void *dx)
{
    memset(dx, 0, (size_t)(s->planes * s->h * s->w) * sizeof(float));
    for (int64_t i = 0; i < s->planes * s->oh * s->ow; i++)
        ((float *)dx)[i / (s->ow * s->oh) * s->h * s->w + at[i]] += ((const float *)dy)[i];
}

/* With dy NULL sets y from x, else adds dy's shares to x. */
static void avg_pool2d_run(const rt_pool2d_shape *s, float *x_, float *y, const float *dy)
{
    for (int64_t i = 0; i < s->planes * s->oh * s->ow; i++) {
        int64_t ox = i % s->ow, oy = i / s->ow % s->oh, y0, y1, x0, x1;
        float *x = x_ + i / (s->ow * s->oh) * s->h * s->w;
        window(oy, s->stride[0], s->pad[0], s->kh, s->h, &y0, &y1);
        window(ox, s->stride[1], s->pad[1], s->kw, s->w, &x0, &x1);
        double count = (double)(s->skip_padding ? (y1 - y0) * (x1 - x0) : s->kh * s->kw), sum = 0;
        for (int64_t r = y0; r < y1; r++)
            for (int64_t c = x0; c < x1; c++)
                if (dy)
                    x[r * s->w + c] += (float)(dy[i] / count);
                else
                    sum += x[r * s->w + c];
        if (!dy)
            y[i] = (float)(sum / count);
    }
}

static void avg_pool2d_f32(rt_exec *e, const rt_pool2d_shape *s, const void *x, void *y)
{
    avg_pool2d_run(s, (float *)x, y, NULL); /* only reads x */
}

static void avg_pool2d_dx_f32(rt_exec *e, const rt_pool2d_shape *s, const void *dy, void *dx)
{
    memset(dx, 0, (size_t)(s->planes * s->h * s->w) * sizeof(float));
    avg_pool2d_run(s, dx, NULL, dy);
}

static double row_max(int64_t len, const float *x)
{
    double m = -INFINITY;
    for (int64_t j = 0; j < len; j++)
        m = fmax(m, x[j]);
    return m;
}

/* log(sum(exp(x))) */
static double row_lse(int64_t len, const float *x)
{
    double m = row_max(len, x), sum = 0;
    for (int64_t j = 0; j < len; j++)
        sum += exp(x[j] - m);
    return m + log(sum);
}

static void softmax_f32(rt_exec *e, rt_rows r, const void *x_, void *y)
{
    for (int64_t i = 0; i < r.n; i++) {
        const float *x = (const float *)x_ + i * r.len;
        double m = row_max(r.len, x), sum = 0;
        for (int64_t j = 0; j < r.len; j++)
            sum += exp(x[j] - m);
        for (int64_t j = 0; j < r.len; j++)
            ((float *)y)[i * r.len + j] = (float)(exp(x[j] - m) / sum);
    }
}

static void log_softmax_f32(rt_exec *e, rt_rows r, const void *x_, void *y)
{
    for (int64_t i = 0; i < r.n; i++) {
        const float *x = (const float *)x_ + i * r.len;
        double lse = row_lse(r.len, x);
        for (int64_t j = 0; j < r.len; j++)
            ((float *)y)[i * r.len + j] = (float)(x[j] - lse);
    }
}

static void softmax_dx_f32(rt_exec *e, rt_rows r, const void *y_, const void *dy_, void *dx)
{
    for (int64_t i = 0; i < r.n; i++) {
        const float *y = (const float *)y_ + i * r.len, *dy = (const float *)dy_ + i * r.len;
        double dot = 0;
        for (int64_t j = 0; j < r.len; j++)
            dot += (double)y[j] * dy[j];
        for (int64_t j = 0; j < r.len; j++)
            ((float *)dx)[i * r.len + j] = (float)(y[j] * (dy[j] - dot));
    }
}

static void log_softmax_dx_f32(rt_exec *e, rt_rows r, const void *y_, const void *dy_, void *dx)
{
    for (int64_t i = 0; i < r.n; i++) {
        const float *y = (const float *)y_ + i * r.len, *dy = (const float *)dy_ + i * r.len;
        double sum = 0;
        for (int64_t j = 0; j < r.len; j++)
            sum += dy[j];
        for (int64_t j = 0; j < r.len; j++)
            ((float *)dx)[i * r.len + j] = (float)(dy[j] - exp(y[j]) * sum);
    }
}

static void normalize_f32(rt_exec *e, rt_rows r, double eps, const void *x_, void *y, void *scale)
{
    for (int64_t i = 0; i < r.n; i++) {
        const float *x = (const float *)x_ + i * r.len;
        double mean = 0, var = 0;
        for (int64_t j = 0; j < r.len; j++)
            mean += x[j];
        mean /= (double)r.len;
        for (int64_t j = 0; j < r.len; j++)
            var += (x[j] - mean) * (x[j] - mean);
        double s = 1 / sqrt(var / (double)r.len + eps);
        ((float *)scale)[i] = (float)s;
        for (int64_t j = 0; j < r.len; j++)
            ((float *)y)[i * r.len + j] = (float)((x[j] - mean) * s);
    }
}

static void normalize_dx_f32(rt_exec *e, rt_rows r, const void *y_, const void *scale,
                             const void *dy_, void *dx)
{
    for (int64_t i = 0; i < r.n; i++) {
        const float *y = (const float *)y_ + i * r.len, *dy = (const float *)dy_ + i * r.len;
        double mean = 0, dot = 0, s = ((const float *)scale)[i];
        for (int64_t j = 0; j < r.len; j++) {
            mean += dy[j];
            dot += (double)dy[j] * y[j];
        }
        mean /= (double)r.len, dot /= (double)r.len;
        for (int64_t j = 0; j < r.len; j++)
            ((float *)dx)[i * r.len + j] = (float)(s * (dy[j] - mean - y[j] * dot));
    }
}

static float of_channel(const void *values, int64_t channel)
{
    return values ? ((const float *)values)[channel] : 0;
}

static void channel_dot_f32(rt_exec *e, rt_channels s, const void *x_, const void *mx,
                            const void *y_, const void *my, void *out)
{
    for (int64_t i = 0; i < s.n * s.c; i++) {
        const float *x = (const float *)x_ + i * s.len, *y = (const float *)y_ + i * s.len;
        double sum = 0;
        for (int64_t j = 0; j < s.len; j++)
            sum +=
                ((double)x[j] - of_channel(mx, i % s.c)) * ((double)y[j] - of_channel(my, i % s.c));
        ((float *)out)[i] = (float)sum;
    }
}

static void channel_affine_f32(rt_exec *e, rt_channels s, const void *x, const void *m,
                               const void *a, const void *b, void *y)
{
    for (int64_t i = 0; i < s.n * s.c * s.len; i++) {
        int64_t c = i / s.len % s.c;
        double centred = (double)((const float *)x)[i] - of_channel(m, c);
        ((float *)y)[i] = (float)(centred * of_channel(a, c) + of_channel(b, c));
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

static void cross_entropy_f32(rt_exec *e, rt_rows r, rt_cross_entropy_shape c, const void *x_,
                              const int64_t *labels, void *loss)
{
    for (int64_t i = 0; i < r.n; i++) {
        const float *x = (const float *)x_ + i * r.len;
        ((float *)loss)[i] = 0;
        if (labels[i] == c.ignore_index || !label_ok(r, i, labels[i]))
            continue;
        double lse = row_lse(r.len, x), mean = 0;
        for (int64_t j = 0; j < r.len; j++)
            mean += x[j] / (double)r.len;
        double smooth = c.label_smoothing;
        ((float *)loss)[i] = (float)((1 - smooth) * (lse - x[labels[i]]) +
                                     (smooth != 0 ? smooth * (lse - mean) : 0));
    }
}

static void cross_entropy_dx_f32(rt_exec *e, rt_rows r, rt_cross_entropy_shape c, const void *x_,
                                 const int64_t *labels, const void *dloss, void *dx_)
{
    for (int64_t i = 0; i < r.n; i++) {
        const float *x = (const float *)x_ + i * r.len;
        float *dx = (float *)dx_ + i * r.len;
        memset(dx, 0, (size_t)r.len * sizeof *dx);
        if (labels[i] == c.ignore_index || !label_ok(r, i, labels[i]))
            continue;
        double lse = row_lse(r.len, x), smooth = c.label_smoothing, d = ((const float *)dloss)[i];
        for (int64_t j = 0; j < r.len; j++)
            dx[j] = (float)(d * (exp(x[j] - lse) - (j == labels[i] ? 1 - smooth : 0) -
                                 smooth / (double)r.len));
    }
}

static void argmax_f32(rt_exec *e, rt_rows r, const void *x_, int64_t *at)
{
    for (int64_t i = 0; i < r.n; i++) {
        const float *x = (const float *)x_ + i * r.len;
        at[i] = 0;
        for (int64_t j = 1; j < r.len; j++)
            if (x[j] > x[at[i]] || (isnan(x[j]) && !isnan(x[at[i]])))
                at[i] = j;
    }
}

/* Does a come before b, where either may be NaN? */
static bool comes_before(float a, float b, bool largest)
{
    bool above = a > b || (isnan(a) && !isnan(b)), below = a < b || (isnan(b) && !isnan(a));
    return largest ? above : below;
}

/* How many elements of the row come before column j. */
static int64_t rank_of(int64_t len, const float *x, int64_t j, bool largest)
{
    int64_t rank = 0;
    for (int64_t i = 0; i < len; i++)
        rank += comes_before(x[i], x[j], largest) || (i < j && !comes_before(x[j], x[i], largest));
    return rank;
}

static void topk_f32(rt_exec *e, rt_rows r, rt_topk_shape s, const void *x_, void *values,
                     int64_t *places)
{
    for (int64_t i = 0; i < r.n; i++) {
        const float *x = (const float *)x_ + i * r.len;
        for (int64_t j = 0, found = 0; j < r.len; j++) {
            int64_t rank = rank_of(r.len, x, j, s.largest), to = s.sorted ? rank : found;
            if (rank >= s.k)
                continue;
            ((float *)values)[i * s.k + to] = x[j];
            places[i * s.k + to] = j;
            found++;
        }
    }
}

/* Reduces with `step`, from `start`, then divides by `divisor`. */
#define FOLD(name, type, wide, start, step, divisor)                                               \
    static void name(rt_exec *e, rt_fold f, const void *x, void *y)                                \
    {                                                                                              \
        for (int64_t i = 0; i < f.outer * f.inner; i++) {                                          \
            const type *in = (const type *)x + i / f.inner * f.red * f.inner + i % f.inner;        \
            wide acc = start;                                                                      \
            for (int64_t r = 0; r < f.red; r++) {                                                  \
                wide v = (wide)in[r * f.inner];                                                    \
                acc = step;                                                                        \
            }                                                                                      \
            ((type *)y)[i] = (type)(acc / divisor);                                                \
        }                                                                                          \
    }
FOLD(sum_f32, float, double, 0, acc + v, 1)
FOLD(sum_i64, int64_t, uint64_t, 0, acc + v, 1)
FOLD(mean_f32, float, double, 0, acc + v, (double)f.red)
FOLD(max_f32, float, double, -INFINITY, v > acc || isnan(v) ? v : acc, 1)
FOLD(min_f32, float, double, INFINITY, v < acc || isnan(v) ? v : acc, 1)

static void sum_squares_f32(rt_exec *e, int64_t n, const void *x_, double *partial)
{
    const float *x = x_;
    for (int64_t i = 0; i < n; i++) {
        if (i % RT_BLOCK == 0)
            partial[i / RT_BLOCK] = 0;
        partial[i / RT_BLOCK] += (double)x[i] * x[i];
    }
}

static void axpy_f32(rt_exec *e, int64_t n, double alpha, const void *x, void *y)
{
    for (int64_t i = 0; i < n; i++)
        ((float *)y)[i] = (float)(((float *)y)[i] + (double)(float)alpha * ((const float *)x)[i]);
}

static void scale_f32(rt_exec *e, int64_t n, double alpha, const void *x, void *y)
{
    for (int64_t i = 0; i < n; i++)
        ((float *)y)[i] = (float)((double)(float)alpha * ((const float *)x)[i]);
}

static void sgd_f32(rt_exec *e, int64_t n, rt_sgd_shape s, void *p_, const void *g_, void *buf_)
{
    float *p = p_, *buf = buf_;
    for (int64_t i = 0; i < n; i++) {
        double g = s.grad_scale * ((const float *)g_)[i] + s.weight_decay * p[i], d = g;
        if (buf) {
            d = s.first ? g : s.momentum * buf[i] + (1 - s.dampening) * g;
            buf[i] = (float)d;
            if (s.nesterov)
                d = g + s.momentum * d;
        }
        p[i] = (float)(p[i] - s.lr * d);
    }
}

static void adamw_f32(rt_exec *e, int64_t n, rt_adamw_shape s, void *p_, const void *g_, void *m_,
                      void *v_)
{
    float *p = p_, *m = m_, *v = v_;
    double c1 = 1 - pow(s.beta1, (double)s.step), c2 = 1 - pow(s.beta2, (double)s.step);
    for (int64_t i = 0; i < n; i++) {
        double g = s.grad_scale * ((const float *)g_)[i];
        double mi = s.beta1 * m[i] + (1 - s.beta1) * g, vi = s.beta2 * v[i] + (1 - s.beta2) * g * g;
        m[i] = (float)mi;
        v[i] = (float)vi;
        p[i] = (float)(p[i] * (1 - s.lr * s.weight_decay) -
                       s.lr / c1 * mi / (sqrt(vi) / sqrt(c2) + s.eps));
    }
}

static void adam_f32(rt_exec *e, int64_t n, rt_adam_shape s, void *p_, const void *g_, void *m_,
                     void *v_, void *most_, void *step)
{
    float *p = p_, *m = m_, *v = v_, *most = most_;
    double c1 = 1 - pow(s.beta1, (double)s.step), c2 = 1 - pow(s.beta2, (double)s.step);
    for (int64_t i = 0; i < n; i++) {
        double g = s.grad_scale * ((const float *)g_)[i] + s.weight_decay * p[i];
        double mi = s.beta1 * m[i] + (1 - s.beta1) * g, vi = s.beta2 * v[i] + (1 - s.beta2) * g * g;
        double largest = most && most[i] > vi ? most[i] : vi;
        double d = mi / c1 / (sqrt(largest) / sqrt(c2) + s.eps) + s.decay * p[i];
        if (step) {
            ((float *)step)[i] = (float)d;
            continue;
        }
        m[i] = (float)mi;
        v[i] = (float)vi;
        if (most)
            most[i] = (float)largest;
        p[i] = (float)(p[i] - s.lr * d);
    }
}

/* Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
 */
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

static void uniform_f32(rt_exec *e, rt_rng r, int64_t n, double lo, double hi, void *y)
{
    for (int64_t i = 0; i < n; i++) {
        float v = (float)(lo + (hi - lo) * (philox_word(r, i) >> 8) * 0x1p-24);
        ((float *)y)[i] = v < (float)hi ? v : nextafterf((float)hi, (float)lo);
    }
}

static void normal_f32(rt_exec *e, rt_rng r, int64_t n, double mean, double std, void *y)
{
    for (int64_t i = 0; i < n; i++) {
        double u = ((philox_word(r, i & ~1) >> 8) + 1) * 0x1p-24; /* (0, 1] */
        double turn = (philox_word(r, i | 1) >> 8) * 0x1p-24 * 2 * M_PI;
        ((float *)y)[i] = (float)(mean + std * sqrt(-2 * log(u)) * (i % 2 ? sin(turn) : cos(turn)));
    }
}

static void dropout_mask_f32(rt_exec *e, rt_rng r, int64_t n, double p, void *y)
{
    for (int64_t i = 0; i < n; i++)
        ((float *)y)[i] = (philox_word(r, i) >> 8) * 0x1p-24 < p ? 0 : (float)(1 / (1 - p));
}

static void bernoulli_f32(rt_exec *e, rt_rng r, int64_t n, double p, void *y)
{
    for (int64_t i = 0; i < n; i++)
        ((float *)y)[i] = (philox_word(r, i) >> 8) * 0x1p-24 < (double)(float)p;
}

static void randint_i64(rt_exec *e, rt_rng r, int64_t n, int64_t low, uint64_t range, void *y)
{
    for (int64_t i = 0; i < n; i++) {
        uint64_t word = (uint64_t)philox_word(r, 2 * i + 1) << 32 | philox_word(r, 2 * i);
        uint64_t high = (uint64_t)((unsigned __int128)word * range >> 64);
        ((int64_t *)y)[i] = (int64_t)((uint64_t)low + high);
    }
}

static void select_any(const rt_grid *g, size_t size, const void *a, const void *b,
                       const uint8_t *mask, char *y)
{
    for (int64_t i = 0; i < g->rows * g->cols; i++) {
        int64_t at[3];
        for (int o = 0; o < 3; o++)
            at[o] = i / g->cols * g->in[o].row + i % g->cols * g->in[o].col;
        const char *from = mask[at[2]] ? (const char *)a + at[0] * (int64_t)size
                                       : (const char *)b + at[1] * (int64_t)size;
        memcpy(y + i * (int64_t)size, from, size);
    }
}

static void copy(rt_exec *e, const rt_strided *s, const void *x, void *y)
{
    int64_t count = 1;
    for (int d = 0; d < s->nd; d++)
        count *= s->dim[d];
    for (int64_t i = 0; i < count; i++) {
        int64_t left = i, from = 0, to = 0;
        for (int d = s->nd - 1; d >= 0; d--) {
            from += left % s->dim[d] * s->src[d];
            to += left % s->dim[d] * s->dst[d];
            left /= s->dim[d];
        }
        memcpy((char *)y + to * (int64_t)s->size, (const char *)x + from * (int64_t)s->size,
               s->size);
    }
}

static void fill(rt_exec *e, int64_t n, size_t size, const void *value, void *y)
{
    for (int64_t i = 0; i < n; i++)
        memcpy((char *)y + i * (int64_t)size, value, size);
}

#define DTYPE(T, name, type, bytes, st)                                                            \
    static void select_##T(rt_exec *e, const rt_grid *g, const void *a, const void *b,             \
                           const uint8_t *mask, void *y)                                           \
    {                                                                                              \
        select_any(g, bytes, a, b, mask, y);                                                       \
    }
RT_DTYPE_LIST(DTYPE)
#undef DTYPE

void rt__install_ref(rt_kernels *k)
{
    k->isa = "ref";
    k->blas = "builtin";
    rt__install_ref_elementwise(k);
    rt__install_ref_index(k);
    rt__install_casts(k);
    rt__install_integers(k);
#define F32(name) k->name[RT_F32] = name##_f32
    F32(gemm);
    F32(conv2d);
    F32(conv2d_dx);
    F32(conv2d_dw);
    F32(conv2d_db);
    F32(max_pool2d);
    F32(max_pool2d_dx);
    F32(avg_pool2d);
    F32(avg_pool2d_dx);
    F32(softmax);
    F32(softmax_dx);
    F32(log_softmax);
    F32(log_softmax_dx);
    F32(normalize);
    F32(normalize_dx);
    F32(cross_entropy);
    F32(cross_entropy_dx);
    F32(channel_dot);
    F32(channel_affine);
    F32(argmax);
    F32(topk);
    F32(sum);
    F32(mean);
    F32(max);
    F32(min);
    F32(sum_squares);
    F32(axpy);
    F32(scale);
    F32(sgd);
    F32(adamw);
    F32(adam);
    F32(uniform);
    F32(normal);
    F32(dropout_mask);
    F32(bernoulli);
#undef F32
    k->randint[RT_I64] = randint_i64;
    k->sum[RT_I64] = sum_i64;
    k->copy = copy;
    k->fill = fill;
#define DTYPE(T, name, type, bytes, st) k->select[RT_##T] = select_##T;
    RT_DTYPE_LIST(DTYPE)
#undef DTYPE
}
