/* Tests what docs/NUMERICS.md promises of single elements: the rows of elementwise.def through the functions of functions.h,
 * optimisers, random numbers, windows and indices, all in plain C. The kernels of every level with fused multiply-add must give the
 * same bits. */
#include "functions.h"
#include "kernels/kernels.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define C(v)         ((float)(v))
#define sel(m, a, b) ((m) ? (a) : (b))
#define abs_(x)      fabsf(x)
#define sqrt_(x)     sqrtf(x)
#define floor_(x)    floorf(x)
#define ceil_(x)     ceilf(x)
#define round_(x)    rintf(x)
#define exp_         exp_text
#define expm1_       expm1_text
#define log_         log_text
#define log1p_       log1p_text
#define tanh_        tanh_text
#define silu_        silu_text
#define mish_        mish_text
#define erf_         erf_text
#define sin_         sin_text
#define cos_         cos_text
#define pow_         pow_text
#define trunc_(x)    truncf(x)
#define with_sign    copysignf
#define exp2_        exp2_alone_text
#define log2_        log2_alone_text
#define log10_       log10_text
#define tan_         tan_text
#define sinc_(x)     (float)sinc_double(x)
#define asin_(x)     (float)asin_double(x)
#define acos_(x)     (float)acos_double(x)
#define atan_(x)     (float)atan_double(x)
#define sinh_(x)     (float)sinh_double(x)
#define cosh_(x)     (float)cosh_double(x)
#define asinh_(x)    (float)asinh_double(x)
#define acosh_(x)    (float)acosh_double(x)
#define atanh_(x)    (float)atanh_double(x)
#define erfc_(x)     (float)erfc_double(x)
#define erfinv_(x)   (float)erfinv_double(x)
#define lgamma_(x)   (float)lgamma_double(x)
#define digamma_(x)  (float)digamma_double(x)
#define atan2_(y, x) (float)atan2_double(y, x)
#define hypot_(y, x) (float)hypot_double(y, x)
#define fmod_        fmodf

static uint64_t state;

static uint32_t word(void)
{
    state = state * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(state >> 32);
}

enum { N = 3000 };
static float in[5][N], got[N];

/* Returns any float except NaN, or one that formulas are likely to meet, or a special one. */
static float any_float(void)
{
    static const float special[] = {0, -0.0f, INFINITY, -INFINITY, 1, -1, 0.5f, 1e-42f, 8192};
    uint32_t kind = word() % 16, bits = word();
    float x;
    memcpy(&x, &bits, sizeof x);
    if (kind == 0 || x != x)
        return special[bits % 9];
    return kind < 8 ? x : ((float)(int32_t)bits) * 0x1p-28f;
}

static void draw(void)
{
    for (int k = 0; k < 5; k++)
        for (int i = 0; i < N; i++)
            in[k][i] = any_float();
}

/* Fails unless both have equal bits or are both NaN: the bits of a NaN are not specified. */
static void same(const char *what, int i, float x, float want)
{
    if (memcmp(&x, &want, sizeof x) != 0 && !(x != x && want != want))
        fail_msg("%s of (%a, %a, %a): %a, expected %a", what, in[0][i], in[1][i], in[2][i], x,
                 want);
}

/* ---- elementwise ---- */

#define NUMBERS(names, tests)                                                                      \
    RT_NUMBERS_STRUCT names p = {BARE tests};                                                      \
    rt_numbers numbers = {{BARE tests}};                                                           \
    (void)p;
#define BARE(...) __VA_ARGS__
#define NOTHING
#define NO_NUMBERS rt_numbers numbers = {{0}};

#define ONE_OPERAND(name, declare, formula, df, ddf)                                               \
    static void check_##name(const rt_kernels *k)                                                  \
    {                                                                                              \
        declare;                                                                                   \
        k->name.f[RT_F32](rt_exec_cpu(), numbers, N, in[0], got);                                  \
        for (int i = 0; i < N; i++) {                                                              \
            float x = in[0][i];                                                                    \
            same(#name, i, got[i], formula);                                                       \
        }                                                                                          \
        k->name.dx[RT_F32](rt_exec_cpu(), numbers, N, in[2], in[0], in[1], got);                   \
        for (int i = 0; i < N; i++) {                                                              \
            float x = in[0][i], y = in[1][i];                                                      \
            (void)x, (void)y;                                                                      \
            same(#name "_dx", i, got[i], in[2][i] * (df));                                         \
        }                                                                                          \
        k->name.dxx[RT_F32](rt_exec_cpu(), numbers, N, in[2], in[3], in[0], in[1], got);           \
        for (int i = 0; i < N; i++) {                                                              \
            float x = in[0][i], y = in[1][i];                                                      \
            (void)x, (void)y;                                                                      \
            same(#name "_dxx", i, got[i], in[2][i] * in[3][i] * (ddf));                            \
        }                                                                                          \
    }
#define UNARY(name, reads, f, df, ddf, lo, hi) ONE_OPERAND(name, NO_NUMBERS, f, df, ddf)
#define PARAMETRIC(name, names, reads, f, df, ddf, tests, lo, hi)                                  \
    ONE_OPERAND(name, NUMBERS(names, tests), f, df, ddf)

#define FUNCTION(name, declare, formula)                                                           \
    static void check_##name(const rt_kernels *k)                                                  \
    {                                                                                              \
        declare;                                                                                   \
        k->name.f[RT_F32](rt_exec_cpu(), numbers, N, in[0], got);                                  \
        for (int i = 0; i < N; i++) {                                                              \
            float x = in[0][i];                                                                    \
            same(#name, i, got[i], formula);                                                       \
        }                                                                                          \
    }
#define UNARY_OPS(name, reads, times, f, dx, lo, hi) FUNCTION(name, NO_NUMBERS, f)
#define PARAMETRIC_OPS(name, names, reads, times, f, dx, tests, lo, hi)                            \
    FUNCTION(name, NUMBERS(names, tests), f)

static const rt_grid row = {1, {N}, {{1}, {1}, {1}}};

#define BINARY(name, reads, times, formula, da, db)                                                \
    static void check_##name(const rt_kernels *k)                                                  \
    {                                                                                              \
        k->name.f[RT_F32](rt_exec_cpu(), (rt_numbers){{0}}, &row, in[0], in[1], got);              \
        for (int i = 0; i < N; i++) {                                                              \
            float a = in[0][i], b = in[1][i];                                                      \
            same(#name, i, got[i], formula);                                                       \
        }                                                                                          \
    }
#define TERNARY(name, first, second, third, names, reads, times, formula, d1, d2, d3)              \
    static void check_##name(const rt_kernels *k)                                                  \
    {                                                                                              \
        rt_numbers numbers = {{0.3}};                                                              \
        RT_NUMBERS_STRUCT names p;                                                                 \
        memcpy(&p, &numbers, sizeof p);                                                            \
        (void)p;                                                                                   \
        k->name.f[RT_F32](rt_exec_cpu(), numbers, &row, in[0], in[1], in[2], got);                 \
        for (int i = 0; i < N; i++) {                                                              \
            float first = in[0][i], second = in[1][i], third = in[2][i];                           \
            same(#name, i, got[i], formula);                                                       \
        }                                                                                          \
    }
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY

static void check_elementwise(const rt_kernels *k)
{
    draw();
#define CHECK(name, ...)          check_##name(k);
#define UNARY(name, ...)          CHECK(name)
#define PARAMETRIC(name, ...)     CHECK(name)
#define UNARY_OPS(name, ...)      CHECK(name)
#define PARAMETRIC_OPS(name, ...) CHECK(name)
#define BINARY(name, ...)         CHECK(name)
#define TERNARY(name, ...)        CHECK(name)
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
}

/* ---- updates ---- */

static void draw_small(void)
{
    for (int k = 0; k < 5; k++)
        for (int i = 0; i < N; i++)
            in[k][i] = (float)(int32_t)word() * 0x1p-31f;
    for (int i = 0; i < N; i++)
        in[3][i] = fabsf(in[3][i]); /* a mean of squares */
}

static void check_vectors(const rt_kernels *k)
{
    draw_small();
    memcpy(got, in[1], sizeof got);
    k->axpy[RT_F32](rt_exec_cpu(), N, 0.7, in[0], got);
    for (int i = 0; i < N; i++)
        same("axpy", i, got[i], fmaf(0.7f, in[0][i], in[1][i]));
    k->scale[RT_F32](rt_exec_cpu(), N, 0.7, in[0], got);
    for (int i = 0; i < N; i++)
        same("scale", i, got[i], 0.7f * in[0][i]);
}

static void check_sgd(const rt_kernels *k)
{
    static float buf[N];
    draw_small();
    rt_sgd_shape s = {.lr = 0.1,
                      .momentum = word() % 2 ? 0.9 : 0,
                      .dampening = 0.3,
                      .weight_decay = 1e-2,
                      .grad_scale = 0.37,
                      .nesterov = word() % 2,
                      .first = word() % 2};
    memcpy(got, in[0], sizeof got);
    memcpy(buf, in[2], sizeof buf);
    k->sgd[RT_F32](rt_exec_cpu(), N, s, got, in[1], s.momentum != 0 ? buf : NULL);
    for (int i = 0; i < N; i++) {
        float p = in[0][i], g = fmaf((float)s.weight_decay, p, (float)s.grad_scale * in[1][i]);
        if (s.momentum != 0) {
            float fresh = (float)(1 - s.dampening) * g;
            float b = s.first ? g : fmaf((float)s.momentum, in[2][i], fresh);
            same("buffer of sgd", i, buf[i], b);
            g = s.nesterov ? fmaf((float)s.momentum, b, g) : b;
        }
        same("sgd", i, got[i], fmaf((float)-s.lr, g, p));
    }
}

/* Returns 1 - b^n, with the power computed by squaring. */
static double correction(double b, int64_t n)
{
    double power = 1;
    for (; n > 0; n /= 2, b *= b)
        power *= n % 2 ? b : 1;
    return 1 - power;
}

static void check_adamw(const rt_kernels *k)
{
    static float m[N], v[N];
    draw_small();
    rt_adamw_shape s = {1e-3, 0.9, 0.999, 1e-8, 0.01, 0.37, 1 + word() % 1000};
    memcpy(got, in[0], sizeof got);
    memcpy(m, in[2], sizeof m);
    memcpy(v, in[3], sizeof v);
    k->adamw[RT_F32](rt_exec_cpu(), N, s, got, in[1], m, v);
    float rate = (float)(-s.lr / correction(s.beta1, s.step));
    float root = (float)sqrt(correction(s.beta2, s.step));
    for (int i = 0; i < N; i++) {
        float g = (float)s.grad_scale * in[1][i];
        float first = fmaf((float)s.beta1, in[2][i], (float)(1 - s.beta1) * g);
        float second = fmaf((float)s.beta2, in[3][i], (float)(1 - s.beta2) * g * g);
        same("m of adamw", i, m[i], first);
        same("v of adamw", i, v[i], second);
        float step = first / (sqrtf(second) / root + (float)s.eps);
        float kept = (float)(1 - s.lr * s.weight_decay) * in[0][i];
        same("adamw", i, got[i], fmaf(rate, step, kept));
    }
}

static void check_adam(const rt_kernels *k)
{
    static float m[N], v[N], most[N];
    draw_small();
    rt_adam_shape s = {.lr = 1e-3,
                       .beta1 = 0.9,
                       .beta2 = 0.999,
                       .eps = 1e-8,
                       .weight_decay = 0.02,
                       .decay = 0.01,
                       .grad_scale = 0.37,
                       .step = 1 + word() % 1000};
    memcpy(got, in[0], sizeof got);
    memcpy(m, in[2], sizeof m);
    memcpy(v, in[3], sizeof v);
    memcpy(most, in[4], sizeof most);
    bool amsgrad = word() % 2;
    k->adam[RT_F32](rt_exec_cpu(), N, s, got, in[1], m, v, amsgrad ? most : NULL, NULL);
    float mean = (float)(1 / correction(s.beta1, s.step));
    float root = (float)sqrt(correction(s.beta2, s.step));
    for (int i = 0; i < N; i++) {
        float p = in[0][i];
        float g = fmaf((float)s.weight_decay, p, (float)s.grad_scale * in[1][i]);
        float first = fmaf((float)s.beta1, in[2][i], (float)(1 - s.beta1) * g);
        float second = fmaf((float)s.beta2, in[3][i], (float)(1 - s.beta2) * g * g), top = second;
        if (amsgrad && in[4][i] > second)
            top = in[4][i];
        same("m of adam", i, m[i], first);
        same("v of adam", i, v[i], second);
        same("most of adam", i, most[i], amsgrad ? top : in[4][i]);
        float d = fmaf((float)s.decay, p, mean * (first / (sqrtf(top) / root + (float)s.eps)));
        same("adam", i, got[i], fmaf((float)-s.lr, d, p));
    }
}

static void check_updates(const rt_kernels *k)
{
    check_vectors(k);
    check_sgd(k);
    check_adamw(k);
    check_adam(k);
}

/* ---- random numbers ---- */

/* Returns word `at` of a stream, which belongs to counter skip + at / 4 (Salmon et al. 2011). */
static uint32_t philox_word(rt_rng r, uint64_t at)
{
    uint64_t element = r.skip + at / 4, key = r.seed ^ (element >> 32) * 0x9E3779B97F4A7C15;
    uint32_t c[4] = {r.step, r.slice, r.stream, (uint32_t)element};
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85) {
        uint64_t p = (uint64_t)0xD2511F53 * c[0], q = (uint64_t)0xCD9E8D57 * c[2];
        uint32_t c1 = c[1], c3 = c[3];
        c[0] = (uint32_t)(q >> 32) ^ c1 ^ k0, c[1] = (uint32_t)q;
        c[2] = (uint32_t)(p >> 32) ^ c3 ^ k1, c[3] = (uint32_t)p;
    }
    return c[at % 4];
}

static float upper_bits(rt_rng r, int i)
{
    return (float)(philox_word(r, (uint64_t)i) >> 8);
}

static float normal_text(rt_rng r, int i, float mean, float std)
{
    float u = upper_bits(r, i & ~1), turn = upper_bits(r, i | 1) * 0x1p-22f, whole = rintf(turn);
    float radius = std * sqrtf(-2 * log_text((u + 1) * 0x1p-24f));
    two_floats angle = {(turn - whole) * 1.57079632679489662f, 0};
    return fmaf(radius, sin_quadrant_text(angle, (int)whole + (i % 2 ? 0 : 1)), mean);
}

static void check_random(const rt_kernels *k)
{
    static int64_t whole[N];
    rt_rng r = {(uint64_t)word() << 32 | word(), word(), word(), word(),
                (1ull << 32) - word() % 700};
    rt_exec *e = rt_exec_cpu();
    k->uniform[RT_F32](e, r, N, -2, 1.7, got);
    float width = (float)((1.7 - -2) * 0x1p-24), below = nextafterf(1.7f, -2);
    for (int i = 0; i < N; i++) {
        float u = fmaf(width, upper_bits(r, i), -2);
        same("uniform", i, got[i], u < below ? u : below);
    }
    k->normal[RT_F32](e, r, N, 0.4, 1.3, got);
    for (int i = 0; i < N; i++)
        same("normal", i, got[i], normal_text(r, i, 0.4f, 1.3f));
    k->dropout_mask[RT_F32](e, r, N, 0.3, got);
    for (int i = 0; i < N; i++)
        same("dropout_mask", i, got[i],
             upper_bits(r, i) < (float)ceil(0.3 * 0x1p24) ? 0 : (float)(1 / (1 - 0.3)));
    k->bernoulli[RT_F32](e, r, N, 0.3, got);
    for (int i = 0; i < N; i++)
        same("bernoulli", i, got[i], upper_bits(r, i) * 0x1p-24f < 0.3f);
    k->randint[RT_I64](e, r, N, -5, 1000003, whole);
    for (int i = 0; i < N; i++) {
        uint64_t at = 2 * (uint64_t)i;
        uint64_t wide = (uint64_t)philox_word(r, at + 1) << 32 | philox_word(r, at);
        assert_int_equal(whole[i], -5 + (int64_t)((unsigned __int128)wide * 1000003 >> 64));
    }
}

/* ---- windows and indices ---- */

/* Returns whether element p of a plane, in row-major order, lies in window o of the result. */
static bool in_window(const rt_pool_shape *s, int64_t o, int64_t p)
{
    bool inside = true;
    for (int a = 2; a >= 0; a--) {
        int64_t n = s->in[a], windows = s->out[a], i = p % n, w = o % windows;
        int64_t from = w * s->stride[a] - s->pad[a], steps = i - from;
        if (s->adaptive) /* i < ceil(a / b) is i * b < a */
            inside &= i >= w * n / windows && i * windows < (w + 1) * n;
        else
            inside &=
                steps >= 0 && steps % s->dilation[a] == 0 && steps / s->dilation[a] < s->kernel[a];
        p /= n;
        o /= windows;
    }
    return inside;
}

/* Returns what the sum of window o is divided by. */
static float counted(const rt_pool_shape *s, int64_t o)
{
    int64_t elements = 0, padded = 1, at = o, inputs = s->in[0] * s->in[1] * s->in[2];
    for (int64_t p = 0; p < inputs; p++)
        elements += in_window(s, o, p);
    for (int a = 2; a >= 0; a--) {
        int64_t from = at % s->out[a] * s->stride[a] - s->pad[a], to = from + s->kernel[a];
        padded *= (to < s->in[a] + s->pad[a] ? to : s->in[a] + s->pad[a]) - from;
        at /= s->out[a];
    }
    return (float)(s->divisor ? s->divisor : s->adaptive || s->skip_padding ? elements : padded);
}

static void check_max_pool(const rt_kernels *k, const rt_pool_shape *s, int64_t inputs,
                           int64_t outputs)
{
    static int32_t at[N];
    static float want[N], dx[N];
    in[0][word() % inputs] = NAN;
    in[0][word() % inputs] = NAN;
    k->max_pool[RT_F32](rt_exec_cpu(), s, in[0], got, at);
    for (int64_t i = 0; i < outputs; i++) {
        int64_t best = -1;
        for (int64_t p = 0; p < inputs; p++)
            if (in_window(s, i, p) && (best < 0 || in[0][p] > in[0][best] || in[0][p] != in[0][p]))
                best = p;
        assert_int_equal(at[i], best);
        same("max_pool", (int)i, got[i], in[0][best]);
    }
    k->max_pool_dx[RT_F32](rt_exec_cpu(), s, in[1], at, dx);
    memset(want, 0, sizeof want);
    for (int64_t i = 0; i < outputs; i++)
        want[at[i]] += in[1][i];
    for (int i = 0; i < inputs; i++)
        same("max_pool_dx", i, dx[i], want[i]);
}

static void check_avg_pool(const rt_kernels *k, const rt_pool_shape *s, int64_t inputs,
                           int64_t outputs)
{
    static float want[N], dx[N];
    k->avg_pool[RT_F32](rt_exec_cpu(), s, in[2], got);
    k->avg_pool_dx[RT_F32](rt_exec_cpu(), s, in[1], dx);
    memset(want, 0, sizeof want);
    for (int64_t i = 0; i < outputs; i++) {
        float sum = 0, count = counted(s, i);
        for (int64_t p = 0; p < inputs; p++)
            if (in_window(s, i, p)) {
                sum += in[2][p];
                want[p] += in[1][i] / count;
            }
        same("avg_pool", (int)i, got[i], sum / count);
    }
    for (int i = 0; i < inputs; i++)
        same("avg_pool_dx", i, dx[i], want[i]);
}

static void check_pooling(const rt_kernels *k)
{
    static const rt_pool_shape shapes[] = {
        {1, {1, 20, 30}, {1, 10, 15}, {1, 2, 2}, {1, 2, 2}, {0}, {1, 1, 1}, .skip_padding = false},
        {1, {1, 20, 30}, {1, 11, 11}, {1, 3, 5}, {1, 2, 3}, {0, 1, 2}, {1, 1, 1}, .divisor = 0},
        {1, {5, 7, 9}, {3, 8, 5}, {3, 2, 3}, {2, 1, 2}, {1, 1, 1}, {1, 1, 1}, .skip_padding = true},
        {1, {5, 7, 9}, {3, 8, 5}, {3, 2, 3}, {2, 1, 2}, {1, 1, 1}, {1, 1, 1}, .divisor = 5},
        {1, {4, 7, 11}, {3, 3, 13}, .adaptive = true},
    };
    static const rt_pool_shape dilated = {1,         {1, 1, 90}, {1, 1, 29}, {1, 1, 4},
                                          {1, 1, 3}, {0, 0, 2},  {1, 1, 2},  .divisor = 0};
    const rt_pool_shape *s = &shapes[word() % (sizeof shapes / sizeof *shapes)];
    int64_t inputs = s->in[0] * s->in[1] * s->in[2], outputs = s->out[0] * s->out[1] * s->out[2];
    draw_small();
    check_avg_pool(k, s, inputs, outputs);
    check_max_pool(k, s, inputs, outputs);
    draw_small();
    check_max_pool(k, &dilated, 90, 29);
}

static void check_resampling(const rt_kernels *k)
{
    enum { OUTER = 3, IN = 7, OUT = 11, MOST = 13, TAPS = 3 };
    static int64_t at[OUT * TAPS];
    static float want[OUTER * IN * MOST];
    int64_t inner = 1 + word() % MOST;
    const rt_resample_shape s = {OUTER, IN, OUT, inner, 1 + word() % TAPS};
    draw_small();
    for (int64_t t = 0; t < OUT * s.taps; t++)
        at[t] = word() % IN;
    k->resample[RT_F32](rt_exec_cpu(), &s, at, in[1], in[0], got);
    for (int64_t i = 0; i < OUTER * OUT * inner; i++) {
        int64_t n = i / inner / OUT, o = i / inner % OUT;
        float sum = 0;
        for (int64_t t = o * s.taps; t < (o + 1) * s.taps; t++) {
            float term = in[1][t] * in[0][(n * IN + at[t]) * inner + i % inner];
            sum = t == o * s.taps ? term : sum + term;
        }
        same("resample", (int)i, got[i], sum);
    }
    k->resample_dx[RT_F32](rt_exec_cpu(), &s, at, in[1], in[2], got);
    memset(want, 0, sizeof want);
    for (int64_t i = 0; i < OUTER * OUT * s.taps * inner; i++) {
        int64_t n = i / inner / s.taps / OUT, t = i / inner % (OUT * s.taps), from = t / s.taps;
        want[(n * IN + at[t]) * inner + i % inner] +=
            in[1][t] * in[2][(n * OUT + from) * inner + i % inner];
    }
    for (int i = 0; i < OUTER * IN * inner; i++)
        same("resample_dx", i, got[i], want[i]);
}

static void check_indices(const rt_kernels *k)
{
    enum { ROWS = 7, COLS = 50 };
    static int64_t index[N / COLS];
    static float want[ROWS * COLS];
    rt_pick p = {4, ROWS, COLS, 2, {N / COLS, COLS}, {1, 0}, {0, 1}};
    draw_small();
    memcpy(want, in[1], sizeof want);
    memcpy(got, in[1], sizeof want);
    for (int i = 0; i < N / COLS; i++)
        index[i] = word() % ROWS;
    k->scatter_add[RT_F32](rt_exec_cpu(), &p, in[0], index, got);
    for (int i = 0; i < N; i++)
        want[index[i / COLS] * COLS + i % COLS] += in[0][i];
    for (int i = 0; i < ROWS * COLS; i++)
        same("scatter_add", i, got[i], want[i]);
    float share;
    for (int i = 0; i < N / COLS; i++)
        index[i] = i < 49 ? 3 : -100;
    k->label_share[RT_F32](rt_exec_cpu(), N / COLS, index, -100, &share);
    same("label_share", 0, share, (float)(1.0 / 49));
}

/* Everything is computed in double and rounded when it is stored: the float32 kernels give the rounded results of the float64
 * kernels. tests/unit/engine/test_optim_numerics.c compares the former with plain C. */
static void check_factored(const rt_kernels *k)
{
    enum { ROWS = 6, COLUMNS = 9, MATRICES = 3, ALL = ROWS * COLUMNS * MATRICES };
    rt_exec *e = rt_exec_cpu();
    rt_factored_shape s = {.at = word() % ALL, .rows = ROWS, .columns = COLUMNS};
    s.n = word() % (ALL - s.at + 1);
    double x[ALL], step[ALL], rows[2][ROWS * MATRICES] = {{0}},
                                             columns[2][COLUMNS * MATRICES] = {{0}};
    double mean[ROWS + COLUMNS] = {0};
    float small[ROWS + COLUMNS] = {0};
    draw_small();
    for (int i = 0; i < ALL; i++)
        x[i] = (double)in[0][i];
    k->factored_squares[RT_F32](e, s, 0.3, in[0], rows[0], columns[0]);
    k->factored_squares[RT_F64](e, s, 0.3, x, rows[1], columns[1]);
    assert_memory_equal(rows[0], rows[1], sizeof rows[0]);
    assert_memory_equal(columns[0], columns[1], sizeof columns[0]);
    k->factored_step[RT_F32](e, s, 0.3, 2, in[0], rows[0], columns[0], got);
    k->factored_step[RT_F64](e, s, 0.3, 2, x, rows[0], columns[0], step);
    for (int64_t i = 0; i < s.n; i++)
        same("factored_step", (int)i, got[i], (float)step[i]);
    k->factored_means[RT_F32](e, s, 0.7, 1e-3, rows[0], columns[0], small, small + ROWS);
    k->factored_means[RT_F64](e, s, 0.7, 1e-3, rows[1], columns[1], mean, mean + ROWS);
    for (int i = 0; i < ROWS + COLUMNS; i++)
        same("factored_means", i, small[i], (float)mean[i]);
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

#define TEST(name, trials)                                                                         \
    static void test_##name(void **unused)                                                         \
    {                                                                                              \
        (void)unused;                                                                              \
        for_levels(check_##name, trials);                                                          \
    }
TEST(elementwise, 20)
TEST(updates, 10)
TEST(random, 5)
TEST(pooling, 20)
TEST(resampling, 20)
TEST(indices, 10)
TEST(factored, 20)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elementwise), cmocka_unit_test(test_updates),
        cmocka_unit_test(test_random),      cmocka_unit_test(test_pooling),
        cmocka_unit_test(test_resampling),  cmocka_unit_test(test_indices),
        cmocka_unit_test(test_factored)};
    int failed = cmocka_run_group_tests_name("numerics_elements", tests, NULL, NULL);
    rt_kernels_shutdown();
    return failed;
}
