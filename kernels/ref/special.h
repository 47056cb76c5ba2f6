/* Special functions that libm lacks, in long double, for references and tests. They are slow, and share nothing with
 * kernels/vmath_double.inc. */
#ifndef RINGTORCH_KERNELS_REF_SPECIAL_H
#define RINGTORCH_KERNELS_REF_SPECIAL_H

#include <math.h>
#include <stdint.h>

#define RT_PI_EXACT 3.141592653589793238462643383279502884L

static inline long double rt__sinc_exact(long double x)
{
    long double n = rintl(x), s = sinl(RT_PI_EXACT * (x - n)) / (RT_PI_EXACT * x);
    return x == 0 ? 1 : fmodl(n, 2) == 0 ? s : -s;
}

/* Solves log(erfc(y)) = log(1 - |x|), or erf(y) = |x| where that is small, by Newton's method. */
static inline long double rt__erfinv_exact(long double x)
{
    long double a = fabsl(x), w = -logl((1 - a) * (1 + a)), y = 0.9L * a;
    if (a == 0 || !(a < 1))
        return a == 0 ? x : a == 1 ? copysignl(INFINITY, x) : NAN;
    if (a > 0.5L) { /* Winitzki's approximation */
        long double b = 4.3307467508L - w / 2;
        y = sqrtl(sqrtl(b * b + w / 0.147L) - b);
    }
    for (int i = 0; i < 8; i++) {
        long double slope = 1.128379167095512573896158903121545172L * expl(-y * y);
        if (a < 0.5L)
            y -= (erfl(y) - a) / slope;
        else
            y += logl(erfcl(y) / (1 - a)) * erfcl(y) / slope;
    }
    return copysignl(y, x);
}

/* Returns the sum of (q + k)^-s over all k >= 0, by Euler and Maclaurin's formula from the 40th on; q > 0, s > 1. */
static inline long double rt__zeta_exact(long double s, long double q)
{
    static const long double bernoulli[] = {/* of 2j, over (2j)! */
                                            1.0L / 12,       -1.0L / 720,
                                            1.0L / 30240,    -1.0L / 1209600,
                                            1.0L / 47900160, -691.0L / 1307674368000.0L};
    enum { DIRECT = 40 };
    long double sum = 0, a = q + DIRECT, factor = s * powl(a, -s - 1);
    for (int k = 0; k < DIRECT; k++)
        sum += powl(q + k, -s);
    sum += powl(a, 1 - s) / (s - 1) + powl(a, -s) / 2;
    for (int j = 0; j < 6; j++) {
        sum += bernoulli[j] * factor;
        factor *= (s + 2 * j + 1) * (s + 2 * j + 2) / (a * a);
    }
    return sum;
}

/* Returns the n-th derivative of digamma, n >= 1. Of x < 0: the terms of the series by their signs. */
static inline long double rt__polygamma_exact(int64_t n, long double x)
{
    long double s = (long double)n + 1, below = floorl(x), sum;
    long double scale = expl(lgammal(s)) * (n % 2 ? 1 : -1);
    if (x > 0)
        return scale * rt__zeta_exact(s, x);
    if (below == x)
        return scale * INFINITY;
    sum = rt__zeta_exact(s, below + 1 - x) - rt__zeta_exact(s, 1 - x);
    return scale * (rt__zeta_exact(s, x - below) + (n % 2 ? sum : -sum));
}

static inline long double rt__digamma_exact(long double x)
{
    long double sum = 0, y = x < 0 ? 1 - x : x;
    if (x == 0)
        return copysignl(INFINITY, -x);
    if (x < 0 && floorl(x) == x)
        return NAN;
    for (; y < 40; y += 1)
        sum -= 1 / y;
    long double z = 1 / (y * y);
    sum += logl(y) - 0.5L / y -
           z * (1.0L / 12 -
                z * (1.0L / 120 -
                     z * (1.0L / 252 -
                          z * (1.0L / 240 - z * (1.0L / 132 - z * (691.0L / 32760 - z / 12))))));
    return x < 0 ? sum - RT_PI_EXACT / tanl(RT_PI_EXACT * (x - rintl(x))) : sum;
}

#endif
