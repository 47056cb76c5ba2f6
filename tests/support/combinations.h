/* Combinations of the values of several factors, for a test that must pass with all of them:
 *
 *     const int sizes[] = {levels, LAYOUTS, MOST_THREADS};
 *     combination c[COMBINATIONS_MAX];
 *     int n = combinations_all(sizes, 3, c);               // each with each: 5 * 2 * 3
 *     int n = combinations_cover(&rng, sizes, 3, c);       // each value at least once: 5, matched at random
 *     ... c[i].at[0] is in [0, levels)
 *
 * The second is a covering array of strength one: as many combinations as the largest factor has values. Over many rows
 * of a table and many seeds, pairs of values are covered, too. */
#ifndef RINGTORCH_TESTS_SUPPORT_COMBINATIONS_H
#define RINGTORCH_TESTS_SUPPORT_COMBINATIONS_H

#include "tests/unit/common/random.h"
#include <stdint.h>

enum { FACTORS_MAX = 4, COMBINATIONS_MAX = 256 };

typedef struct combination {
    int at[FACTORS_MAX];
} combination;

static inline int combinations_all(const int *sizes, int factors, combination *out)
{
    int n = 1;
    for (int f = 0; f < factors; f++)
        n *= sizes[f];
    for (int i = 0; i < n; i++)
        for (int f = 0, rest = i; f < factors; rest /= sizes[f++])
            out[i].at[f] = rest % sizes[f];
    return n;
}

/* Fills column f with the factor's values in random order, again and again. */
static inline void combinations_column(uint64_t *rng, int size, int f, combination *out, int n)
{
    for (int i = 0; i < n; i++) {
        out[i].at[f] = i % size;
        int other = i / size * size + (int)random_below(rng, i % size + 1);
        int value = out[i].at[f];
        out[i].at[f] = out[other].at[f];
        out[other].at[f] = value;
    }
}

static inline int combinations_cover(uint64_t *rng, const int *sizes, int factors, combination *out)
{
    int n = 1;
    for (int f = 0; f < factors; f++)
        n = sizes[f] > n ? sizes[f] : n;
    for (int f = 0; f < factors; f++)
        combinations_column(rng, sizes[f], f, out, n);
    return n;
}

#endif
