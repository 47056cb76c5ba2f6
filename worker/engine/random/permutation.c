/* A keyed permutation of [0, n) without a table: a Feistel network on an even number of bits that
 * covers n, whose rounds are Philox; a value outside [0, n) is permuted again until it falls inside
 * (cycle walking). The network has at most four times as many values as are needed, but at least
 * 64: on fewer, Feistel networks are visibly uneven. J. Black, P. Rogaway: Ciphers with arbitrary
 * finite domains. CT-RSA 2002. */
#include "common/error.h"
#include "worker/engine/random/philox.h"
#include <ringtorch/random.h>

enum { ROUNDS = 6, LEAST_HALF_BITS = 3 };

/* The round function's key stream is apart from that of random tensors: they count steps where this
 * has a constant. */
static uint64_t feistel(uint64_t seed, uint64_t epoch, int half_bits, uint64_t x)
{
    uint32_t mask = (uint32_t)(((uint64_t)1 << half_bits) - 1);
    uint32_t left = (uint32_t)(x >> half_bits), right = (uint32_t)x & mask;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t v[4] = {right, round, (uint32_t)epoch, (uint32_t)(epoch >> 32)};
        rt__philox(~seed, v);
        uint32_t next = left ^ (v[0] & mask);
        left = right;
        right = next;
    }
    return (uint64_t)left << half_bits | right;
}

int64_t rt_permutation(uint64_t seed, int64_t epoch, int64_t n, int64_t q)
{
    if (n < 1 || n > (int64_t)1 << 62 || q < 0 || q >= n)
        return RT_FAIL(RANGE, "permutation: place %lld of %lld, expected 0 <= place < n <= 2^62",
                       (long long)q, (long long)n),
               0;
    int half_bits = LEAST_HALF_BITS;
    while (((int64_t)1 << (2 * half_bits)) < n)
        half_bits++;
    uint64_t x = (uint64_t)q;
    do
        x = feistel(seed, (uint64_t)epoch, half_bits, x);
    while (x >= (uint64_t)n);
    return (int64_t)x;
}
