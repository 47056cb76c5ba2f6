/* Arithmetic on pairs of doubles (Dekker 1971), with fma for the error of a product, as far as schedules need it. */
#include "worker/engine/optim/exact.h"

#include <math.h>
#include <stdbool.h>

/* high + low, with |low| at most half a unit in the last place of high. */
typedef struct pair {
    double high, low;
} pair;

/* Returns a + b, where |a| >= |b| or a is not finite. */
static pair sum(double a, double b)
{
    double high = a + b;
    return isfinite(a) ? (pair){high, b - (high - a)} : (pair){a, 0};
}

static pair product(pair a, pair b)
{
    double high = a.high * b.high;
    return sum(high, fma(a.high, b.high, -high) + (a.high * b.low + a.low * b.high));
}

static pair quotient(pair a, double b)
{
    double high = a.high / b;
    return sum(high, (fma(-high, b, a.high) + a.low) / b);
}

/* Returns 1 - a, for a up to 1.25. */
static pair one_minus(pair a)
{
    double high = 1 - a.high;
    return sum(high, ((1 - high) - a.high) - a.low);
}

double rt__power(double base, int64_t n)
{
    pair y = {1, 0}, square = {base, 0};
    for (; n > 0; n /= 2, square = product(square, square))
        if (n % 2)
            y = product(y, square);
    return y.high;
}

/* The Taylor series in nested form: 1 - x^2 / (1 * 2) * (1 - x^2 / (3 * 4) * (1 - ...)). For x above pi / 2 it uses cos(x) = -cos(pi -
 * x). */
double rt__cosine(double x)
{
    enum { TERMS = 20 };
    const double pi = 0x1.921fb54442d18p+1, rest_of_pi = 0x1.1a62633145c07p-53;
    const bool beyond = x > pi / 2;
    const pair r = beyond ? sum(pi - x, rest_of_pi) : (pair){x, 0}, square = product(r, r);
    pair y = {1, 0};
    for (int k = TERMS; k > 0; k--)
        y = one_minus(quotient(product(square, y), (double)((2 * k - 1) * 2 * k)));
    return beyond ? -y.high : y.high;
}
