/* Reference kernels: sorting. See kernels/ref/wide.h. */
#include "kernels/ref/wide.h"
#include <math.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* Returns whether a comes before b; either may be NaN. */
static bool comes_before(T a, T b, bool largest)
{
    bool above = a > b || (isnan(a) && !isnan(b)), below = a < b || (isnan(b) && !isnan(a));
    return largest ? above : below;
}

/* Returns how many elements of the row come before column j. */
static int64_t rank_of(int64_t len, const T *x, int64_t j, bool largest)
{
    int64_t rank = 0;
    for (int64_t i = 0; i < len; i++)
        rank += comes_before(x[i], x[j], largest) || (i < j && !comes_before(x[j], x[i], largest));
    return rank;
}

/* values: [r.n, s.k]; places[i]: its column. */
KERNEL(topk, FLOATS, (rt_exec *e, rt_rows r, rt_topk_shape s, const void *x, void *values,
                      int64_t *places))
{
    for (int64_t i = 0; i < r.n; i++) {
        const T *xi = (const T *)x + i * r.len;
        for (int64_t j = 0, found = 0; j < r.len; j++) {
            int64_t rank = rank_of(r.len, xi, j, s.largest), to = s.sorted ? rank : found;
            if (rank >= s.k)
                continue;
            ((T *)values)[i * s.k + to] = xi[j];
            places[i * s.k + to] = j;
            found++;
        }
    }
}
