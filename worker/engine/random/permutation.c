/* The keyed permutation for users of the library. The implementation is in common/base/samples.c, for
 * programs that must name samples without the engine. */
#include "common/base/error.h"
#include "common/base/samples.h"
#include <ringtorch/random.h>

int64_t rt_permutation(uint64_t seed, int64_t epoch, int64_t n, int64_t q)
{
    if (n < 1 || n > (int64_t)1 << 62 || q < 0 || q >= n)
        return RT_FAIL(RANGE, "permutation: place %lld of %lld, expected 0 <= place < n <= 2^62",
                       (long long)q, (long long)n),
               0;
    return rt_shuffled(seed, epoch, n, q);
}
