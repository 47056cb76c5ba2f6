/* XXH3-64 compiled for AVX2: the same values as hash.c's, three times as fast. Only hash.c calls it, and only if the
 * processor has AVX2. */
#define XXH_INLINE_ALL
#include "common/base/hash_avx2.h"
#include <xxhash.h>

uint64_t rt__hash64_avx2(const void *data, size_t len)
{
    return XXH3_64bits(data, len);
}
