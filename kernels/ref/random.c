/* Reference kernels: random numbers. See kernels/ref/wide.h. */
#include "common/base/samples.h"
#include "kernels/ref/wide.h"
#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* Random numbers are floats computed in double arithmetic, whatever T is. Element i comes from word i % 4 of Philox4x32-10 at counter
 * (step, slice, stream, lower half of skip + i / 4), with the key that rt__philox_key gives for skip + i / 4. Philox: Salmon, Moraes,
 * Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11. */
static uint32_t philox_word(rt_rng r, int64_t i)
{
    uint64_t element = r.skip + (uint64_t)(i / 4);
    uint64_t key = r.seed ^ (element >> 32) * 0x9E3779B97F4A7C15;
    uint32_t c[4] = {r.step, r.slice, r.stream, (uint32_t)element};
    uint32_t k[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53 * c[0], p1 = (uint64_t)0xCD9E8D57 * c[2];
        uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k[0], (uint32_t)p1,
                            (uint32_t)(p0 >> 32) ^ c[3] ^ k[1], (uint32_t)p0};
        memcpy(c, next, sizeof c);
        k[0] += 0x9E3779B9;
        k[1] += 0xBB67AE85;
    }
    return c[i % 4];
}

/* lo + (hi - lo) * u, with u in [0, 1) in steps of 2^-24; always below hi. */
KERNEL(uniform, FLOATS, (rt_exec *e, rt_rng r, int64_t n, double lo, double hi, void *y))
{
    for (int64_t i = 0; i < n; i++) {
        float v = (float)(lo + (hi - lo) * (philox_word(r, i) >> 8) * 0x1p-24);
        ((T *)y)[i] = v < (float)hi ? v : nextafterf((float)hi, (float)lo);
    }
}

/* Box-Muller on words (0,1) and (2,3). */
KERNEL(normal, FLOATS, (rt_exec *e, rt_rng r, int64_t n, double mean, double std, void *y))
{
    for (int64_t i = 0; i < n; i++) {
        double u = ((philox_word(r, i & ~1) >> 8) + 1) * 0x1p-24; /* (0, 1] */
        double turn = (philox_word(r, i | 1) >> 8) * 0x1p-24 * 2 * M_PI;
        ((T *)y)[i] = (float)(mean + std * sqrt(-2 * log(u)) * (i % 2 ? sin(turn) : cos(turn)));
    }
}

/* 0 with probability p, else 1/(1-p). */
KERNEL(dropout_mask, FLOATS, (rt_exec *e, rt_rng r, int64_t n, double p, void *y))
{
    for (int64_t i = 0; i < n; i++)
        ((T *)y)[i] = (philox_word(r, i) >> 8) * 0x1p-24 < p ? 0 : (float)(1 / (1 - p));
}

/* 1 if u < (float)p, else 0. */
KERNEL(bernoulli, FLOATS, (rt_exec *e, rt_rng r, int64_t n, double p, void *y))
{
    for (int64_t i = 0; i < n; i++)
        ((T *)y)[i] = (philox_word(r, i) >> 8) * 0x1p-24 < (double)(float)p;
}

/* floor(a b / 2^64), by long multiplication of halves. */
static uint64_t high_of_product(uint64_t a, uint64_t b)
{
    const uint64_t a1 = a >> 32, a0 = (uint32_t)a, b1 = b >> 32, b0 = (uint32_t)b;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    return a1 * b1 + (middle >> 32) + (((uint32_t)middle + a0 * b1) >> 32);
}

/* low + the upper half of the 128-bit product of range and a 64-bit random number. The numbers of elements 2i and 2i+1 are words
 * (0,1) and (2,3), the lower half first, at the counter of skip + i. */
KERNEL(randint, INT64, (rt_exec *e, rt_rng r, int64_t n, int64_t low, uint64_t range, void *y))
{
    for (int64_t i = 0; i < n; i++) {
        uint64_t word = (uint64_t)philox_word(r, 2 * i + 1) << 32 | philox_word(r, 2 * i);
        uint64_t high = high_of_product(word, range);
        ((int64_t *)y)[i] = (int64_t)((uint64_t)low + high);
    }
}

/* y = a permutation of [0, n): element i is the place of i in the keyed permutation of common/base/samples.h, epoch 0, whose seed is words 0 and
 * 1 of the draw, the lower half first. The only text. */
KERNEL_ANY(randperm, (rt_exec *e, rt_rng r, int64_t n, int64_t *y))
{
    uint64_t seed = (uint64_t)philox_word(r, 1) << 32 | philox_word(r, 0);
    RT_PARALLEL_FOR(e, i, n, 32 * n)
    {
        y[i] = rt_shuffled(seed, 0, n, i);
    }
}
