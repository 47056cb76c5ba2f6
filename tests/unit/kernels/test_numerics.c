/* Computes every sum in the order that docs/NUMERICS.md promises, in plain C, one number at a time. The kernels of every level with
 * fused multiply-add must give the same bits, over random shapes. A change to a kernel that makes this test fail changes the bits of all
 * runs. test_numerics_elements.c tests elementwise formulas, updates and random numbers. */
#include "functions.h"
#include "kernels/kernels.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- as promised: sums of rows and columns ---- */

enum { LANES = 16, LEAF = 1024, COLUMN_LEAF = 64, CHAIN = 192 };

/* One step of a sum: adds the contribution of element i. */
typedef float step_fn(float sum, int64_t i);
static const float *rx, *ry; /* the rows that steps read */
static float shift;
static int64_t pitch;

static float add(float sum, int64_t i)
{
    return sum + rx[i];
}

static float add_product(float sum, int64_t i)
{
    return fmaf(rx[i], ry[i], sum);
}

static float add_square(float sum, int64_t i)
{
    return fmaf(rx[i] - shift, rx[i] - shift, sum);
}

static float add_exp(float sum, int64_t i)
{
    return sum + exp_text(rx[i] - shift);
}

static float leaf_of_row(int64_t first, int64_t n, step_fn *step)
{
    float lane[LANES] = {0};
    for (int64_t i = 0; i < n; i++)
        lane[i % LANES] = step(lane[i % LANES], first + i);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

static float leaf_of_column(int64_t first, int64_t n, step_fn *step)
{
    float sum = 0;
    for (int64_t r = first; r < first + n; r++)
        sum = step(sum, r * pitch);
    return sum;
}

typedef float leaf_fn(int64_t first, int64_t n, step_fn *step);

static float tree(int64_t first, int64_t n, int64_t leaf, leaf_fn *of_leaf, step_fn *step)
{
    if (n <= leaf)
        return of_leaf(first, n, step);
    int64_t left = leaf;
    while (2 * left < n)
        left *= 2;
    return tree(first, left, leaf, of_leaf, step) +
           tree(first + left, n - left, leaf, of_leaf, step);
}

static float row_sum(int64_t n, step_fn *step)
{
    return tree(0, n, LEAF, leaf_of_row, step);
}

/* ---- as promised: chains ---- */

static int64_t chain_length(int64_t k)
{
    int64_t chains = (k + CHAIN - 1) / CHAIN;
    return chains > 1 ? (k + chains - 1) / chains : CHAIN; /* one chain, even without elements */
}

/* Elements p of the two sequences whose products a chain adds up. */
typedef struct factors {
    float a, b;
} factors;

/* Returns `total` + the sum of k products; the first chain begins with `start` instead of 0, if it is given. */
static float chains(int64_t k, factors (*at)(int64_t p), const float *start, float total)
{
    int64_t length = chain_length(k);
    for (int64_t p0 = 0; p0 == 0 || p0 < k; p0 += length) {
        float sum = p0 == 0 && start ? *start : 0;
        for (int64_t p = p0; p < k && p < p0 + length; p++)
            sum = fmaf(at(p).a, at(p).b, sum);
        total = p0 == 0 && start ? sum : total + sum;
    }
    return total;
}

/* ---- comparing ---- */

static uint64_t state;

static int64_t pick(int64_t n)
{
    state = state * 6364136223846793005 + 1442695040888963407;
    return (int64_t)((state >> 33) % (uint64_t)n);
}

static float *filled(int64_t n, float scale)
{
    float *x = test_malloc((size_t)(n + 1) * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = scale * ((float)pick(1 << 24) * 0x1p-23f - 1);
    return x;
}

static void same(const char *what, int64_t i, float got, float want)
{
    if (memcmp(&got, &want, sizeof got) != 0)
        fail_msg("%s: element %lld is %a, expected %a", what, (long long)i, got, want);
}

static int64_t row_length(void)
{
    return pick(4) ? 1 + pick(400) : 1 + pick(20000);
}

/* Rows of mean 0 and variance 1, and the gradient. */
static void check_norms(const rt_kernels *k)
{
    int64_t n = row_length();
    float *x = filled(n, 9), *y = filled(n, 1), *dy = filled(n, 1), *dx = filled(n, 1), scale;
    rx = x;
    float mean = shift = row_sum(n, add) / (float)n;
    float want = 1 / sqrtf(row_sum(n, add_square) / (float)n + 1e-5f);
    k->normalize[RT_F32](rt_exec_cpu(), (rt_rows){1, n}, 1e-5, x, y, &scale);
    same("scale of normalize", 0, scale, want);
    for (int64_t i = 0; i < n; i++)
        same("normalize", i, y[i], (x[i] - mean) * scale);
    rx = dy, ry = y;
    mean = row_sum(n, add) / (float)n;
    float slope = row_sum(n, add_product) / (float)n;
    k->normalize_dx[RT_F32](rt_exec_cpu(), (rt_rows){1, n}, y, &scale, dy, dx);
    for (int64_t i = 0; i < n; i++)
        same("normalize_dx", i, dx[i], fmaf(y[i], -slope, dy[i] - mean) * scale);
    test_free(x);
    test_free(y);
    test_free(dy);
    test_free(dx);
}

static float other_shift;

static float add_centred(float sum, int64_t i)
{
    return fmaf(rx[i] - shift, ry[i] - other_shift, sum);
}

/* Two images of three channels. */
static void check_channels(const rt_kernels *k)
{
    rt_channels c = {.n = 2, .c = 3, .len = row_length()};
    int64_t n = c.n * c.c * c.len;
    float *x = filled(n, 9), *y = filled(n, 1), out[6];
    float *a = filled(c.c, 2), *b = filled(c.c, 1), *m = filled(c.c, 1);
    k->channel_dot[RT_F32](rt_exec_cpu(), c, x, a, y, b, out);
    for (int64_t i = 0; i < c.n * c.c; i++) {
        rx = x + i * c.len, ry = y + i * c.len;
        shift = a[i % c.c], other_shift = b[i % c.c];
        same("channel_dot", i, out[i], row_sum(c.len, add_centred));
    }
    k->channel_affine[RT_F32](rt_exec_cpu(), c, x, m, a, b, y);
    for (int64_t i = 0; i < n; i++) {
        int64_t of = i / c.len % c.c;
        same("channel_affine", i, y[i], fmaf(x[i] - m[of], a[of], b[of]));
    }
    test_free(x);
    test_free(y);
    test_free(a);
    test_free(b);
    test_free(m);
}

static void check_rows(const rt_kernels *k)
{
    int64_t n = row_length(), label = pick(n);
    float *x = filled(n, 9), *y = filled(n, 1), *dy = filled(n, 1), *dx = filled(n, 1);
    float d = 0.37f, loss, smooth = pick(2) ? 0.1f : 0, most = -INFINITY;
    rx = x;
    for (int64_t i = 0; i < n; i++)
        most = fmaxf(most, x[i]);
    shift = most;
    float total = row_sum(n, add_exp), rest = log_text(total), lse = most + rest;
    k->softmax[RT_F32](rt_exec_cpu(), (rt_rows){1, n}, x, y);
    for (int64_t i = 0; i < n; i++)
        same("softmax", i, y[i], exp_text(x[i] - most) / total);
    rt_cross_entropy_shape c = {smooth, -100};
    k->cross_entropy[RT_F32](rt_exec_cpu(), (rt_rows){1, n}, c, x, &label, &loss);
    float want = (1 - smooth) * (lse - x[label]);
    same("cross_entropy", 0, loss,
         smooth == 0 ? want : want + smooth * (lse - row_sum(n, add) / (float)n));
    k->cross_entropy_dx[RT_F32](rt_exec_cpu(), (rt_rows){1, n}, c, x, &label, &d, dx);
    for (int64_t i = 0; i < n; i++) {
        want = (exp_text(x[i] - most) / total - smooth / (float)n) * d;
        same("cross_entropy_dx", i, dx[i], i == label ? want - (1 - smooth) * d : want);
    }
    rx = y, ry = dy;
    float dot = row_sum(n, add_product);
    k->softmax_dx[RT_F32](rt_exec_cpu(), (rt_rows){1, n}, y, dy, dx);
    for (int64_t i = 0; i < n; i++)
        same("softmax_dx", i, dx[i], y[i] * (dy[i] - dot));
    k->log_softmax[RT_F32](rt_exec_cpu(), (rt_rows){1, n}, x, y);
    for (int64_t i = 0; i < n; i++)
        same("log_softmax", i, y[i], x[i] - most - rest);
    rx = dy;
    total = row_sum(n, add);
    k->log_softmax_dx[RT_F32](rt_exec_cpu(), (rt_rows){1, n}, y, dy, dx);
    for (int64_t i = 0; i < n; i++)
        same("log_softmax_dx", i, dx[i], fmaf(exp_text(y[i]), -total, dy[i]));
    test_free(x);
    test_free(y);
    test_free(dy);
    test_free(dx);
}

/* ---- attention ---- */

enum { KEYS = 128, QUERIES = 48 };

static rt_attention_shape shape;
static const float *aq, *ak, *av, *amask, *ady;
static float *aw, *ag; /* [t, s]: weights, with dropout, and the gradients of scores */
static int64_t query, key, part, first_query, first_key;

static factors score_at(int64_t p)
{
    return (factors){aq[query * shape.d + p], (float)shape.scale * ak[key * shape.d + p]};
}

static factors y_at(int64_t j)
{
    return (factors){aw[query * shape.s + first_key + j], av[(first_key + j) * shape.e + part]};
}

static factors dw_of_dy_at(int64_t p)
{
    return (factors){ady[query * shape.e + p], av[key * shape.e + p]};
}

static factors dq_at(int64_t j)
{
    return (factors){ag[query * shape.s + first_key + j],
                     (float)shape.scale * ak[(first_key + j) * shape.d + part]};
}

static factors dk_at(int64_t i)
{
    return (factors){ag[(first_query + i) * shape.s + key],
                     (float)shape.scale * aq[(first_query + i) * shape.d + part]};
}

static factors dv_at(int64_t i)
{
    return (factors){aw[(first_query + i) * shape.s + key],
                     ady[(first_query + i) * shape.e + part]};
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static float score(void)
{
    float zero = 0, x = chains(shape.d, score_at, &zero, 0);
    if (shape.causal && key > query)
        return -INFINITY;
    return amask ? x + amask[query * shape.s + key] : x;
}

/* Computes row `query` of y, and returns its lse. */
static float attention_row(const float *factor, float *y)
{
    float m = -INFINITY, l = 0, x[KEYS];
    int64_t last = smaller(query / QUERIES * QUERIES + QUERIES, shape.t) - 1;
    memset(y, 0, (size_t)shape.e * sizeof *y);
    for (first_key = 0; first_key < shape.s && !(shape.causal && first_key > last);
         first_key += KEYS) {
        int64_t n = smaller(KEYS, shape.s - first_key);
        float before = m, *w = aw + query * shape.s + first_key;
        for (int64_t j = 0; j < n; j++) {
            key = first_key + j;
            x[j] = score();
            m = fmaxf(m, x[j]);
        }
        rx = x, shift = m > -INFINITY ? m : 0;
        float keep = exp_text(before - shift);
        l = l * keep + row_sum(n, add_exp);
        for (int64_t j = 0; j < n; j++)
            w[j] = exp_text(x[j] - shift) * factor[query * shape.s + first_key + j];
        for (part = 0; part < shape.e; part++)
            y[part] = chains(n, y_at, NULL, y[part] * keep);
    }
    for (part = 0; part < shape.e; part++)
        y[part] = l == 0 ? 0 : y[part] / l;
    return l == 0 ? INFINITY : (m > -INFINITY ? m : 0) + log_text(l);
}

static void check_attention_forward(const float *factor, const float *y, const float *lse)
{
    float *want = filled(shape.e, 1);
    for (query = 0; query < shape.t; query++) {
        same("lse of attention", query, lse[query], attention_row(factor, want));
        for (int64_t p = 0; p < shape.e; p++)
            same("attention", query * shape.e + p, y[query * shape.e + p], want[p]);
    }
    test_free(want);
}

/* Computes the weights and the gradients of the scores. */
static void weights_backward(const float *factor, const float *y, const float *lse)
{
    float zero = 0;
    for (query = 0; query < shape.t; query++) {
        rx = ady + query * shape.e, ry = y + query * shape.e;
        float slope = row_sum(shape.e, add_product);
        for (key = 0; key < shape.s; key++) {
            int64_t i = query * shape.s + key;
            float w = exp_text(score() - lse[query]), f = factor[i];
            ag[i] = w * (chains(shape.e, dw_of_dy_at, &zero, 0) * f - slope);
            aw[i] = w * f;
        }
    }
}

/* Returns `sum` of blocks of queries, for one element of dk or dv. */
static float over_queries(factors (*term)(int64_t i))
{
    float sum = 0;
    first_query = shape.causal ? key / KEYS * KEYS / QUERIES * QUERIES : 0;
    for (; first_query < shape.t; first_query += QUERIES)
        sum = chains(smaller(QUERIES, shape.t - first_query), term, NULL, sum);
    return sum;
}

static void check_attention_backward(const float *dq, const float *dk, const float *dv)
{
    for (query = 0; query < shape.t; query++)
        for (part = 0; part < shape.d; part++) {
            float sum = 0;
            for (first_key = 0; first_key < shape.s; first_key += KEYS)
                sum = chains(smaller(KEYS, shape.s - first_key), dq_at, NULL, sum);
            same("dq of attention", query * shape.d + part, dq[query * shape.d + part], sum);
        }
    for (key = 0; key < shape.s; key++) {
        for (part = 0; part < shape.d; part++)
            same("dk of attention", key * shape.d + part, dk[key * shape.d + part],
                 over_queries(dk_at));
        for (part = 0; part < shape.e; part++)
            same("dv of attention", key * shape.e + part, dv[key * shape.e + part],
                 over_queries(dv_at));
    }
}

static void check_attention(const rt_kernels *k)
{
    rt_grid one;
    rt_grid_row(&one, 1, 0, 0);
    shape = (rt_attention_shape){.t = 1 + pick(120),
                                 .s = 1 + pick(300),
                                 .d = pick(5) ? 1 + pick(20) : 200,
                                 .e = pick(5) ? 1 + pick(20) : 200,
                                 .heads = &one,
                                 .masks = &one,
                                 .causal = pick(2),
                                 .scale = 0.3,
                                 .dropout = pick(2) ? 0.2 : 0,
                                 .rng = {5, 4, 3, 2, 1}};
    shape.ldq = shape.ldk = shape.d;
    shape.ldv = shape.e;
    shape.mask_stride[0] = shape.s;
    shape.mask_stride[1] = 1;
    int64_t nq = shape.t * shape.d, nk = shape.s * shape.d, nv = shape.s * shape.e,
            ny = shape.t * shape.e, n = shape.t * shape.s;
    float *x[] = {filled(nq, 3), filled(nk, 3), filled(nv, 1), filled(ny, 1), filled(n, 2)};
    float *out[] = {filled(ny, 1), filled(shape.t, 1), filled(nq, 1), filled(nk, 1), filled(nv, 1)};
    float *factor = filled(n, 1);
    aq = x[0], ak = x[1], av = x[2], ady = x[3], amask = pick(2) ? x[4] : NULL;
    aw = filled(n, 1), ag = filled(n, 1);
    for (int64_t i = 0; i < n; i++)
        factor[i] = 1;
    if (shape.dropout > 0)
        k->dropout_mask[RT_F32](rt_exec_cpu(), shape.rng, n, shape.dropout, factor);
    k->attention[RT_F32](rt_exec_cpu(), &shape, aq, ak, av, amask, out[0], out[1]);
    k->attention_dx[RT_F32](rt_exec_cpu(), &shape, aq, ak, av, amask, out[0], out[1], ady, out[2],
                            out[3], out[4]);
    check_attention_forward(factor, out[0], out[1]);
    weights_backward(factor, out[0], out[1]);
    check_attention_backward(out[2], out[3], out[4]);
    for (int i = 0; i < 5; i++) {
        test_free(x[i]);
        test_free(out[i]);
    }
    test_free(factor);
    test_free(aw);
    test_free(ag);
}

static void check_folds(const rt_kernels *k)
{
    int64_t n = pick(8) ? row_length() : 65536 + pick(200000);
    float *x = filled(n, 1), got;
    rx = x;
    k->sum[RT_F32](rt_exec_cpu(), (rt_fold){1, n, 1}, x, &got);
    same("sum of a row", 0, got, row_sum(n, add));
    test_free(x);
    rt_fold f = {1, 1 + pick(700), 2 + pick(60)};
    x = filled(f.red * f.inner, 1);
    float *y = filled(f.inner, 1);
    k->sum[RT_F32](rt_exec_cpu(), f, x, y);
    pitch = f.inner;
    for (int64_t i = 0; i < f.inner; i++) {
        rx = x + i;
        same("sum of a column", i, y[i], tree(0, f.red, COLUMN_LEAF, leaf_of_column, add));
    }
    test_free(x);
    test_free(y);
}

/* 16 lanes of doubles over a block of 65,536 elements. */
static void check_sum_squares(const rt_kernels *k)
{
    int64_t n = 1 + pick(65536);
    float *x = filled(n, 1);
    double lane[LANES] = {0}, got;
    for (int64_t i = 0; i < n; i++)
        lane[i % LANES] += (double)x[i] * x[i];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    k->sum_squares[RT_F32](rt_exec_cpu(), n, x, &got);
    assert_memory_equal(&got, lane, sizeof got);
    test_free(x);
}

static rt_gemm_shape g;
static const float *ga, *gb;
static int64_t row, column;

static factors gemm_at(int64_t p)
{
    return (factors){ga[g.ta ? p * g.lda + row : row * g.lda + p],
                     g.alpha * gb[g.tb ? column * g.ldb + p : p * g.ldb + column]};
}

static void check_gemm(const rt_kernels *k)
{
    g = (rt_gemm_shape){
        .m = 1 + pick(20), .n = 1 + pick(40), .k = pick(700), .ta = pick(2), .tb = pick(2)};
    g.lda = g.ta ? g.m : g.k;
    g.ldb = g.tb ? g.k : g.n;
    g.ldc = g.n;
    g.alpha = pick(2) ? 1 : -0.7f;
    g.beta = (float)pick(3) * 0.5f;
    int64_t of_a = g.m * g.k, of_b = g.k * g.n, products = pick(2) ? 1 : 6;
    rt_grid batch = {2, {2, 3}, {{0, of_a}, {of_b, 0}}}; /* each a with each b */
    g.batch = products > 1 ? &batch : NULL;
    float *a = filled(3 * of_a, 1), *b = filled(2 * of_b, 1), *c = filled(products * g.m * g.n, 1);
    float *bias = pick(2) ? filled(g.n, 1) : NULL, *was = filled(products * g.m * g.n, 1);
    memcpy(was, c, (size_t)(products * g.m * g.n) * sizeof *c);
    k->gemm[RT_F32](rt_exec_cpu(), g, a, b, bias, c);
    for (int64_t i = 0; i < products * g.m * g.n; i++) {
        int64_t product = i / (g.m * g.n);
        ga = a + product % 3 * of_a, gb = b + product / 3 * of_b;
        row = i / g.n % g.m, column = i % g.n;
        float start = bias ? bias[column] : 0, before = was[i];
        if (g.beta != 0 && (g.beta != 1 || bias))
            before = g.beta * before + start;
        same("gemm", i, c[i], chains(g.k, gemm_at, g.beta == 0 ? &start : NULL, before));
    }
    test_free(a);
    test_free(b);
    test_free(c);
    test_free(was);
    if (bias)
        test_free(bias);
}

static rt_conv_shape s;
static const float *cx, *cw, *cdy;
static int64_t image, channel, in_channel;
static int64_t at[3]; /* position of the computed element; of a weight, of its tap */

/* Splits a place in a block of that size. */
static void split(int64_t i, const int64_t size[3], int64_t place[3])
{
    for (int d = 2; d >= 0; i /= size[d--])
        place[d] = i % size[d];
}

static float padded(const float *volumes, int64_t volume, const int64_t size[3],
                    const int64_t place[3])
{
    for (int d = 0; d < 3; d++) {
        if (place[d] < 0 || place[d] >= size[d])
            return 0;
        volume = volume * size[d] + place[d];
    }
    return volumes[volume];
}

/* The input that output o meets with the tap. */
static float met(int64_t c, const int64_t o[3], const int64_t tap[3])
{
    int64_t place[3];
    for (int d = 0; d < 3; d++)
        place[d] = o[d] * s.stride[d] - s.pad[d] + tap[d] * s.dilation[d];
    return padded(cx, image * s.c + c, s.in, place);
}

/* Channels of a group, on both sides. */
static int64_t group_c(void)
{
    return s.c / s.groups;
}

static int64_t group_oc(void)
{
    return s.oc / s.groups;
}

static factors forward_at(int64_t p)
{
    int64_t tap[3], first = channel / group_oc() * group_c();
    split(p, s.kernel, tap);
    return (factors){met(first + p / rt_volume(s.kernel), at, tap),
                     cw[channel * group_c() * rt_volume(s.kernel) + p]};
}

/* Lists the taps along one axis that reach the input pixel, as if dy had no end. */
static int64_t taps(int d, int64_t *tap)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s.kernel[d]; i++)
        if ((at[d] + s.pad[d] - i * s.dilation[d]) % s.stride[d] == 0)
            tap[n++] = i;
    return n;
}

static factors dx_at(int64_t p)
{
    int64_t tap[3][8], n[3], k[3], place[3];
    for (int d = 0; d < 3; d++)
        n[d] = taps(d, tap[d]);
    split(p, n, k);
    int64_t o = channel / group_c() * group_oc() + p / rt_volume(n);
    int64_t w = o * group_c() + channel % group_c();
    for (int d = 0; d < 3; d++) {
        k[d] = tap[d][k[d]];
        place[d] = (at[d] + s.pad[d] - k[d] * s.dilation[d]) / s.stride[d];
        w = w * s.kernel[d] + k[d];
    }
    return (factors){padded(cdy, image * s.oc + o, s.out, place), cw[w]};
}

static factors dw_at(int64_t p)
{
    int64_t o[3];
    split(p, s.out, o);
    return (factors){met(in_channel, o, at), cdy[(image * s.oc + channel) * rt_volume(s.out) + p]};
}

static void check_conv_forward(const rt_kernels *k, const float *bias)
{
    int64_t volume = rt_volume(s.out), n = s.n * s.oc * volume;
    float *y = filled(n, 1);
    k->conv[RT_F32](rt_exec_cpu(), &s, cx, cw, bias, y);
    for (int64_t i = 0; i < n; i++) {
        split(i, s.out, at);
        channel = i / volume % s.oc, image = i / (volume * s.oc);
        same("conv", i, y[i],
             chains(group_c() * rt_volume(s.kernel), forward_at, &bias[channel], 0));
    }
    test_free(y);
}

static void check_conv_backward(const rt_kernels *k, const float *bias)
{
    int64_t volume = rt_volume(s.in), inputs = s.n * s.c * volume;
    int64_t weights = s.oc * group_c() * rt_volume(s.kernel), tap[8];
    float *dx = filled(inputs, 1), *dw = filled(weights, 1), zero = 0;
    k->conv_dx[RT_F32](rt_exec_cpu(), &s, cdy, cw, bias, dx);
    for (int64_t i = 0; i < inputs; i++) {
        split(i, s.in, at);
        channel = i / volume % s.c, image = i / (volume * s.c);
        int64_t count = group_oc() * taps(0, tap) * taps(1, tap) * taps(2, tap);
        same("conv_dx", i, dx[i], chains(count, dx_at, bias ? &bias[channel] : &zero, 0));
    }
    k->conv_dw[RT_F32](rt_exec_cpu(), &s, cx, cdy, dw);
    for (int64_t i = 0; i < weights; i++) {
        split(i, s.kernel, at);
        channel = i / rt_volume(s.kernel) / group_c();
        in_channel = channel / group_oc() * group_c() + i / rt_volume(s.kernel) % group_c();
        float sum = 0;
        for (image = 0; image < s.n; image++)
            sum = chains(rt_volume(s.out), dw_at, image == 0 ? &zero : NULL, sum);
        same("conv_dw", i, dw[i], sum);
    }
    test_free(dx);
    test_free(dw);
}

/* Columns of windows: an input gets the sum over the taps in order. */
static void check_columns(const rt_kernels *k)
{
    int64_t windows = rt_volume(s.out), volume = rt_volume(s.in), n_taps = rt_volume(s.kernel);
    int64_t columns = s.n * s.c * n_taps * windows, inputs = s.n * s.c * volume;
    float *y = filled(columns, 1), *dx = filled(inputs, 1);
    float *sum = filled(inputs, 1);
    for (int64_t i = 0; i < columns; i++)
        y[i] = (float)(i % 77) / 7 - 5;
    k->col2im[RT_F32](rt_exec_cpu(), &s, y, dx);
    memset(sum, 0, (size_t)inputs * sizeof *sum);
    for (int64_t c = 0; c < s.n * s.c; c++)
        for (int64_t p = 0; p < n_taps * windows; p++) {
            int64_t o[3], inside = 1, place = c;
            split(p, s.out, o);
            split(p / windows, s.kernel, at);
            for (int d = 0; d < 3; d++) {
                int64_t i = o[d] * s.stride[d] - s.pad[d] + at[d] * s.dilation[d];
                inside &= i >= 0 && i < s.in[d];
                place = place * s.in[d] + i;
            }
            if (inside)
                sum[place] += y[c * n_taps * windows + p];
        }
    for (int64_t i = 0; i < inputs; i++)
        same("col2im", i, dx[i], sum[i]);
    test_free(y);
    test_free(dx);
    test_free(sum);
}

/* Sequences, images and volumes. */
static void check_conv(const rt_kernels *k)
{
    int64_t axes = 1 + pick(3), groups = 1 + (pick(2) ? pick(3) : 0), deep = pick(4) == 0;
    s = (rt_conv_shape){.n = 1 + pick(4),
                        .c = groups * (1 + pick(axes == 3 ? 4 : 9)),
                        .oc = groups * (1 + pick(12)),
                        .groups = groups};
    if (deep) /* each group has one channel */
        s.c = s.oc = s.groups = 1 + pick(20);
    for (int d = 0; d < 3; d++) {
        bool used = axes == 1 ? d == 1 : d > 0 || axes == 3;
        s.kernel[d] = used ? 1 + pick(4) : 1;
        s.stride[d] = used ? 1 + pick(3) : 1;
        s.dilation[d] = 1 + pick(2);
        int64_t reach = (s.kernel[d] - 1) * s.dilation[d] + 1;
        s.pad[d] = pick(reach);
        s.in[d] = used ? reach + pick(axes == 1 ? 300 : axes == 3 ? 6 : 14) : 1;
        s.out[d] = (s.in[d] + 2 * s.pad[d] - reach) / s.stride[d] + 1;
    }
    float *x = filled(s.n * s.c * rt_volume(s.in), 1);
    float *w = filled(s.oc * group_c() * rt_volume(s.kernel), 1);
    float *dy = filled(s.n * s.oc * rt_volume(s.out), 1), *bias = filled(s.oc + s.c, 1);
    cx = x, cw = w, cdy = dy;
    check_conv_forward(k, bias);
    check_conv_backward(k, pick(2) ? bias : NULL);
    check_columns(k);
    test_free(x);
    test_free(w);
    test_free(dy);
    test_free(bias);
}

/* ---- the levels that have fused multiply-add ---- */

static void for_levels(void (*check)(const rt_kernels *k), int trials)
{
    const char *levels[] = {"avx2", "avx512"};
    int seen = 0;
    for (int i = 0; i < 2; i++) {
        const rt_kernels *k =
            strstr(rt_kernels_levels(), levels[i]) ? rt_kernels_level(levels[i]) : NULL;
        state = 20;
        for (int t = 0; k && t < trials; t++)
            check(k);
        seen += k != NULL;
    }
    if (!seen)
        skip();
}

static void test_rows(void **unused)
{
    (void)unused;
    for_levels(check_rows, 60);
    for_levels(check_norms, 60);
    for_levels(check_channels, 30);
}

static void test_attention(void **unused)
{
    (void)unused;
    for_levels(check_attention, 12);
}

static void test_folds(void **unused)
{
    (void)unused;
    for_levels(check_folds, 60);
    for_levels(check_sum_squares, 20);
}

static void test_gemm(void **unused)
{
    (void)unused;
    for_levels(check_gemm, 40);
}

static void test_conv(void **unused)
{
    (void)unused;
    for_levels(check_conv, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_folds),
                                       cmocka_unit_test(test_gemm), cmocka_unit_test(test_conv),
                                       cmocka_unit_test(test_attention)};
    int failed = cmocka_run_group_tests_name("numerics", tests, NULL, NULL);
    rt_kernels_shutdown();
    return failed;
}
