/* The functions of docs/NUMERICS.md, section 6, in plain C: one number at a time, every operation rounded to float32 (-ffp-contract=off).
 * They are written independently of the kernels: changing both in the same way changes what the page promises. */
#ifndef RINGTORCH_TESTS_UNIT_KERNELS_FUNCTIONS_H
#define RINGTORCH_TESTS_UNIT_KERNELS_FUNCTIONS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Returns c[0] + c[1] x + ... by Horner's rule. */
static inline float poly(int degree, const float *c, float x)
{
    float y = c[degree];
    for (int i = degree - 1; i >= 0; i--)
        y = fmaf(y, x, c[i]);
    return y;
}

static inline float clamped(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* Returns y * 2^n, computed in two steps: each rounds, and the first one never gives a denormal number. */
static inline float scaled(float y, float n)
{
    int whole = (int)n, half = whole >> 1;
    return y * ldexpf(1, half) * ldexpf(1, whole - half);
}

/* ---- numbers stored as two floats ---- */

typedef struct two_floats {
    float high, low;
} two_floats;

static inline two_floats two_sum(float a, float b)
{
    float high = a + b;
    return (two_floats){high, b - (high - a)};
}

static inline two_floats two_product(float a, float b)
{
    float high = a * b;
    return (two_floats){high, fmaf(a, b, -high)};
}

static inline two_floats product_of_twos(two_floats a, two_floats b)
{
    two_floats y = two_product(a.high, b.high);
    return (two_floats){y.high, y.low + fmaf(a.high, b.low, a.low * b.high)};
}

/* One step of Newton's iteration after a division of the high parts. */
static inline float quotient_of_twos(two_floats n, two_floats d)
{
    float reciprocal = 1 / d.high, y = n.high * reciprocal;
    two_floats near = two_product(y, d.high);
    return y + ((n.high - near.high) - near.low - y * d.low + n.low) * reciprocal;
}

/* Splits x = n ln 2 + r; returns exp(r) - 1. */
static inline float exp_reduced(float x, float *n)
{
    static const float c[] = {0x1p-1f,        0x1.555556p-3f,  0x1.55548p-5f,
                              0x1.11107cp-7f, 0x1.6d9736p-10f, 0x1.a1b8aep-13f};
    *n = rintf(x * 0x1.715476p+0f);
    float r = fmaf(*n, -0x1.63p-1f, x);
    r = fmaf(*n, 0x1.bd0106p-13f, r);
    return fmaf(r * r, poly(5, c, r), r);
}

static inline float exp_text(float x)
{
    float n;
    if (x != x)
        return x;
    float y = 1 + exp_reduced(clamped(x, -104, 89), &n);
    return scaled(y, n);
}

static inline float expm1_text(float x)
{
    float n;
    if (x != x || x == 0)
        return x;
    float q = exp_reduced(clamped(x, -18, 89), &n), half = ldexpf(1, (int)n - 1);
    return fmaf(half, q, half - 0.5f) * 2;
}

/* Splits x > 0 into (1 + f) 2^e with 1 + f in [sqrt(1/2), sqrt(2)); returns f. */
static inline float reduced(float x, float *e)
{
    int exponent;
    float m = frexpf(x, &exponent); /* [1/2, 1) */
    if (m < 0x1.6a09e6p-1f) {       /* sqrt(1/2) */
        m *= 2;
        exponent--;
    }
    *e = (float)exponent;
    return m - 1;
}

static inline float log_text(float x)
{
    static const float c[] = {0x1.555546p-2f,  -0x1.ffffeep-3f, 0x1.99a546p-3f,
                              -0x1.5562e2p-3f, 0x1.2332c6p-3f,  -0x1.fb4334p-4f,
                              0x1.e65054p-4f,  -0x1.e2e96cp-4f, 0x1.1b432ep-4f};
    if (!(x > 0 && x < INFINITY))
        return x == 0 ? -INFINITY : x < 0 ? NAN : x;
    float e, f = reduced(x, &e), square = f * f, y = e * -0x1.bd0106p-13f;
    y = fmaf(f * square, poly(8, c, f), y);
    y = fmaf(square, -0.5f, y);
    return fmaf(e, 0x1.63p-1f, f + y);
}

static inline float log1p_text(float x)
{
    float u = 1 + x, lost = x < 1 ? x - (u - 1) : 1 - (u - x);
    if (x == 0)
        return x;
    return u > 0 && u < INFINITY ? log_text(u) + lost / u : log_text(u);
}

static inline float tanh_text(float x)
{
    static const float p[] = {-0x1.55554ap-2f, 0x1.110d26p-3f, -0x1.b9287cp-5f, 0x1.593d0ap-6f,
                              -0x1.9b3056p-8f};
    float a = fabsf(x), z = a * a;
    return copysignf(a < 0.55f ? fmaf(a * z, poly(4, p, z), a) : 1 - 2 / (exp_text(2 * a) + 1), x);
}

/* exp(-|x|) and what its last addition loses. */
static inline two_floats decay_text(float x)
{
    float n;
    two_floats y = two_sum(1, exp_reduced(clamped(-fabsf(x), -104, 0), &n));
    return (two_floats){scaled(y.high, n), scaled(y.low, n)};
}

static inline float silu_text(float x)
{
    if (x != x || x > 40)
        return x;
    two_floats e = decay_text(x), n = {x, 0}, d = two_sum(1, e.high);
    d.low += e.low;
    if (x < 0) {
        n = two_product(x, e.high);
        n.low += x * e.low;
    }
    return copysignf(quotient_of_twos(n, d), x);
}

static inline float mish_text(float x)
{
    if (x != x || x > 40)
        return x;
    two_floats e = decay_text(x), n, d;
    if (x < 0) {
        two_floats two_more = two_sum(2, e.high);
        two_more.low += e.low;
        n = product_of_twos(e, two_more);
        d = two_sum(2, n.high);
        d.low += n.low;
    } else {
        two_floats square = product_of_twos(e, e);
        n = two_sum(1, 2 * e.high);
        n.low += 2 * e.low;
        d = two_sum(n.high, 2 * square.high);
        d.low += n.low + 2 * square.low;
    }
    two_floats y = two_product(x, n.high);
    y.low += x * n.low;
    return copysignf(quotient_of_twos(y, d), x);
}

static inline float erf_text(float x)
{
    static const float p[] = {0x1.06eba8p-3f, -0x1.812742p-2f, 0x1.ce2de2p-4f, -0x1.b80b0ep-6f,
                              0x1.54a48cp-8f, -0x1.a8fc4p-11f, 0x1.5893f6p-14f};
    static const float q[] = {0x1.65b19cp-13f, -0x1.21269ap+0f, -0x1.444b3ep-1f, -0x1.bb567p-4f,
                              0x1.9b19acp-6f,  -0x1.10aa8ap-8f, 0x1.c54f14p-12f, -0x1.5ed026p-16f};
    float a = clamped(fabsf(x), 0, 4);
    return a < 0.9f ? fmaf(x, poly(6, p, x * x), x) : copysignf(1 - exp_text(poly(7, q, a)), x);
}

/* For |x| >= 8192: multiplies the bits of 2/pi from 2^-(e-2) on by the 24 bits of x, modulo 4 quarter turns. */
static inline double reduced_large_double(float x, int *n)
{
    static const char two_over_pi[] =
        "00000000A2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163AB00000000";
    int e;
    uint64_t m = (uint64_t)ldexpf(frexpf(fabsf(x), &e), 24), product = 0;
    int first = e - 24 - 2 + 32;
    for (int bit = 0; bit < 96; bit++) { /* the words' bits, most significant first */
        int at = first + bit, digit = two_over_pi[at / 4];
        int value = digit <= '9' ? digit - '0' : digit - 'A' + 10;
        if (value >> (3 - at % 4) & 1)
            product += bit < 64 ? m << (63 - bit) : 0;
    }
    uint64_t low = 0; /* contribution of the last word: m * word / 2^32 */
    for (int bit = 64; bit < 96; bit++) {
        int at = first + bit, digit = two_over_pi[at / 4];
        int value = digit <= '9' ? digit - '0' : digit - 'A' + 10;
        low = 2 * low + (uint64_t)(value >> (3 - at % 4) & 1);
    }
    product += m * low >> 32;
    uint64_t nearest = (product + (1ull << 61)) >> 62;
    double turn = (double)(int64_t)(product - (nearest << 62)) * 0x1p-62;
    *n = x < 0 ? -(int)nearest : (int)nearest;
    return turn * (x < 0 ? -1.57079632679489662 : 1.57079632679489662);
}

static inline float reduced_large(float x, int *n)
{
    return (float)reduced_large_double(x, n);
}

/* Splits x = n pi/2 + r; returns r. */
static inline two_floats reduced_half_pi(float x, int *n)
{
    if (fabsf(x) >= 8192)
        return (two_floats){reduced_large(x, n), 0};
    float k = rintf(x * 0x1.45f306p-1f), near = fmaf(k, -0x1.92p+0f, x);
    near = fmaf(k, -0x1.fb4p-12f, near);
    float high = fmaf(k, -0x1.444p-24f, near), lost = fmaf(k, -0x1.444p-24f, near - high);
    *n = (int)k;
    return two_sum(high, fmaf(k, -0x1.68c234p-39f, lost));
}

static inline float sin_quadrant_text(two_floats r, int n)
{
    static const float p[] = {-0x1.555556p-3f, 0x1.111108p-7f, -0x1.a00f94p-13f, 0x1.6cd5ecp-19f};
    static const float q[] = {0x1.555556p-5f, -0x1.6c16b8p-10f, 0x1.a01118p-16f, -0x1.24290ap-22f};
    float z = r.high * r.high, sine = fmaf(r.high * z, poly(3, p, z), r.high) + r.low;
    float cosine = fmaf(z * z, poly(3, q, z), fmaf(z, -0.5f, 1));
    float y = n & 1 ? cosine : sine;
    return n & 2 ? -y : y;
}

static inline float sin_text(float x)
{
    int n;
    if (x == 0 || !(fabsf(x) < INFINITY))
        return x == 0 ? x : NAN;
    two_floats r = reduced_half_pi(x, &n);
    return sin_quadrant_text(r, n);
}

static inline float cos_text(float x)
{
    int n;
    if (!(fabsf(x) < INFINITY))
        return NAN;
    two_floats r = reduced_half_pi(x, &n);
    return sin_quadrant_text(r, n + 1);
}

static inline two_floats log2_text(float f)
{
    static const float q[] = {0x1.99999ap-3f, 0x1.24928ep-3f, 0x1.c6c0e8p-4f, 0x1.879640p-4f};
    two_floats u = two_sum(2, f), s, z, p;
    float reciprocal = 1 / u.high;
    s.high = f * reciprocal;
    two_floats near = two_product(s.high, u.high);
    s.low = ((f - near.high) - near.low - s.high * u.low) * reciprocal;
    z = product_of_twos(s, s);
    p = two_sum(0x1.555556p-2f, z.high * poly(3, q, z.high));
    p.low += -0x1.555556p-27f;
    z = product_of_twos(z, p);
    p = two_sum(1, z.high);
    p.low += z.low;
    return product_of_twos(product_of_twos(s, p), (two_floats){0x1.715476p+1f, 0x1.4ae0c0p-25f});
}

static inline float exp2_text(two_floats x)
{
    static const float p[] = {0x1.ebfbe0p-3f,  0x1.c6b08ep-5f,  0x1.3b2a54p-7f,
                              0x1.5d87c0p-10f, 0x1.44138ap-13f, 0x1.008a20p-16f};
    float high = clamped(x.high, -151, 129), n = rintf(high);
    two_floats r = two_sum(high - n, high == x.high ? x.low : 0);
    float rest = fmaf(r.high, -0x1.05c610p-29f, r.low * 0x1.62e430p-1f);
    rest = fmaf(r.high * r.high, poly(5, p, r.high), rest);
    return scaled(1 + fmaf(r.high, 0x1.62e430p-1f, rest), n);
}

static inline float pow_text(float a, float b)
{
    float x = fabsf(a), e, y = 1;
    if (b == 0 || a == 1)
        return 1;
    if (a != a || b != b || (a < 0 && a > -INFINITY && floorf(b) != b))
        return NAN;
    if (x != 1) {
        two_floats l;
        if (x == 0 || x == INFINITY) {
            l = (two_floats){x == 0 ? -INFINITY : INFINITY, 0};
        } else {
            two_floats near = log2_text(reduced(x, &e));
            l = two_sum(e, near.high);
            l.low += near.low;
        }
        two_floats t = two_product(b, l.high);
        t.low = fmaf(b, l.low, t.low);
        y = exp2_text(t);
    }
    bool odd = floorf(b) == b && floorf(b * 0.5f) != b * 0.5f;
    return odd && signbit(a) ? -y : y;
}

static inline two_floats log2_of(float x)
{
    float e;
    two_floats near = log2_text(reduced(x, &e)), y = two_sum(e, near.high);
    return (two_floats){y.high, y.low + near.low};
}

static inline float exp2_alone_text(float x)
{
    return x != x ? x : exp2_text((two_floats){x, 0});
}

static inline float log2_alone_text(float x)
{
    if (!(x > 0 && x < INFINITY))
        return log_text(x);
    two_floats l = log2_of(x);
    return l.high + l.low;
}

static inline float log10_text(float x)
{
    if (!(x > 0 && x < INFINITY))
        return log_text(x);
    two_floats l = product_of_twos(log2_of(x), (two_floats){0x1.344136p-2f, -0x1.ec10c0p-27f});
    return l.high + l.low;
}

/* ---- functions in double: the text that binds all back ends, on single numbers ---- */

typedef double real;
typedef int64_t integer;
typedef uint64_t natural;
typedef bool truth;

static inline integer bits_of(real x)
{
    integer i;
    memcpy(&i, &x, sizeof i);
    return i;
}

static inline real real_of(integer i)
{
    real x;
    memcpy(&x, &i, sizeof x);
    return x;
}

#define FN            static inline
#define TABLE         static const
#define PRIVATE(type) type *
#define UNROLL
#define REAL(c)       ((double)(c))
#define WHEN(m, a, b) ((m) ? (a) : (b))
#define ANY(m)        (m)
#define FMA(a, b, c)  fma(a, b, c)
#define SQRT(x)       sqrt(x)
#define RINT(x)       rint(x)
#define FLOOR(x)      floor(x)
#define BITS64(x)     bits_of(x)
#define DOUBLE(x)     real_of(x)
#include "kernels/vmath_double.inc"

/* The rest of a division by pi/2 as in sin, before it is rounded; from 2^20 on. */
static inline float tan_text(float x)
{
    int n;
    bool odd;
    if (x == 0 || !(fabsf(x) < INFINITY))
        return x == 0 ? x : NAN;
    double r = fabsf(x) < 0x1p20f ? reduced_quarter(x, &odd) : reduced_large_double(x, &n);
    if (fabsf(x) >= 0x1p20f)
        odd = n & 1;
    return (float)tangent(r, odd);
}

#endif
