/* Philox4x32-10: a bijection of 128-bit counters for each 64-bit key, whose values are statistically random. J. K.
 * Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw: Parallel random numbers: as easy as 1, 2, 3. SC'11.
 *
 *     uint32_t v[4] = {step, slice, stream, element / 4};
 *     rt__philox(seed, v);                                  // v: four random words
 */
#ifndef RINGTORCH_COMMON_BASE_PHILOX_H
#define RINGTORCH_COMMON_BASE_PHILOX_H

#include <stdint.h>

/* Replaces the counter with its four random words. */
static inline void rt__philox(uint64_t key, uint32_t v[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)0xD2511F53u * v[0], q = (uint64_t)0xCD9E8D57u * v[2];
        uint32_t next[4] = {(uint32_t)(q >> 32) ^ v[1] ^ k0, (uint32_t)q,
                            (uint32_t)(p >> 32) ^ v[3] ^ k1, (uint32_t)p};
        for (int i = 0; i < 4; i++)
            v[i] = next[i];
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
}

/* Returns the key for counters whose last word is the lower half of `element`: the seed itself for the first 2^32
 * elements, another key for each 2^32 after that, so that no pair of key and counter occurs twice. */
static inline uint64_t rt__philox_key(uint64_t seed, uint64_t element)
{
    return seed ^
           (element >> 32) * 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio; odd, so all keys differ */
}

#endif
