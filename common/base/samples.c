/* A keyed permutation of [0, n) without a table: a Feistel network on an even number of bits that covers n, whose
 * rounds are Philox; a value outside [0, n) is permuted again until it falls inside (cycle walking). The network has at
 * most four times as many values as needed, but at least 64, because smaller Feistel networks are visibly uneven. J.
 * Black, P. Rogaway: Ciphers with arbitrary finite domains. CT-RSA 2002. */
#include "common/base/samples.h"

#include "common/base/error.h"
#include "common/base/philox.h"
#include "common/base/slices.h"
#include <inttypes.h>
#include <stdio.h>

enum {
    ROUNDS = 6,
    LEAST_HALF_BITS = 3,
    TEXT_LEAST = 64,     /* bytes: room for two numbers of any size and the words around them */
    TEXT_AFTER_ONE = 48, /* bytes kept free for one more number, " and N more" and the zero */
};

/* Turns the seed into a separate key for audits; any constant works. */
static const uint64_t AUDITS = 0x5ad1c0de0a0d1755;

/* The round function's random words are disjoint from those of random tensors, which count steps in the word that is
 * constant here. */
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

int64_t rt_shuffled(uint64_t seed, int64_t epoch, int64_t n, int64_t q)
{
    RT_ASSERT(1 <= n && n <= (int64_t)1 << 62 && 0 <= q && q < n);
    int half_bits = LEAST_HALF_BITS;
    while (((int64_t)1 << (2 * half_bits)) < n)
        half_bits++;
    uint64_t x = (uint64_t)q;
    do
        x = feistel(seed, (uint64_t)epoch, half_bits, x);
    while (x >= (uint64_t)n);
    return (int64_t)x;
}

int64_t rt_sample_id(uint64_t seed, int64_t position, int64_t n)
{
    return rt_shuffled(seed, position / n, n, position % n);
}

/* The stream positions of a slice. */
static rt_range positions(const rt_sampling *p, int64_t step, int64_t slice)
{
    rt_range r = rt_slice_samples(p->batch, p->slices, slice);
    return (rt_range){step * p->batch + r.begin, step * p->batch + r.end};
}

int64_t rt_slice_sample_ids(const rt_sampling *p, int64_t step, int64_t slice, int64_t *ids,
                            int64_t most)
{
    rt_range at = positions(p, step, slice);
    int64_t count = at.end - at.begin;
    for (int64_t i = 0; i < count && i < most; i++)
        ids[i] = rt_sample_id(p->seed, at.begin + i, p->samples);
    return count;
}

void rt_slice_sample_text(const rt_sampling *p, int64_t step, int64_t slice, char *text,
                          size_t size)
{
    RT_ASSERT(size >= TEXT_LEAST);
    size_t used = 0;
    rt_range at = positions(p, step, slice);
    int64_t i = at.begin;
    for (; i < at.end && used + TEXT_AFTER_ONE <= size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i > at.begin ? ", " : "",
                                 rt_sample_id(p->seed, i, p->samples));
    if (i < at.end)
        snprintf(text + used, size - used, " and %" PRId64 " more", at.end - i);
}

bool rt_slice_is_audited(uint64_t seed, double share, int64_t step, int64_t slice)
{
    uint32_t v[4] = {(uint32_t)step, (uint32_t)((uint64_t)step >> 32), (uint32_t)slice, 0};
    rt__philox(seed ^ AUDITS, v);
    return v[0] * 0x1p-32 < share;
}
