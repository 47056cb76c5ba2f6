/* Random numbers for property tests, from a seed that is printed and can be given again.
 *
 *     uint64_t rng = random_seed("test_slices");         // RINGTORCH_TEST_SEED=7 repeats a run
 *     int64_t n = 1 + random_below(&rng, 100);
 */
#ifndef RINGTORCH_TESTS_UNIT_COMMON_RANDOM_H
#define RINGTORCH_TESTS_UNIT_COMMON_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t random_bits(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Returns a number in [0, n), n >= 1. */
static inline int64_t random_below(uint64_t *state, int64_t n)
{
    return (int64_t)(random_bits(state) % (uint64_t)n);
}

/* Returns the seed in RINGTORCH_TEST_SEED, or a fixed one; ./check sets a different seed for each commit. */
static inline uint64_t random_seed(const char *who)
{
    const char *given = getenv("RINGTORCH_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
    printf("%s: RINGTORCH_TEST_SEED=%llu\n", who, (unsigned long long)seed);
    return seed;
}

#endif
