/* Random numbers from a seed: the same seed gives the same numbers on every machine.
 *
 *     sim_dice d = sim_dice_of(seed, 1);              // 1: which of the seed's independent streams
 *     int64_t rank = sim_below(&d, world);            // 0 ... world-1
 *     if (sim_chance(&d, 0.1)) ...                    // one time in ten
 *     sim_time pause = sim_around(&d, 3 * SIM_SECOND);
 *
 * SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
#ifndef RINGTORCH_TESTS_SIM_DICE_H
#define RINGTORCH_TESTS_SIM_DICE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* Virtual time in microseconds. It is an integer, so that a run is the same on every machine. */
typedef int64_t sim_time;
enum { SIM_MILLISECOND = 1000, SIM_SECOND = 1000000 };
#define SIM_NEVER (INT64_MAX / 2)

typedef struct sim_dice {
    uint64_t state;
} sim_dice;

static inline uint64_t sim_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline sim_dice sim_dice_of(uint64_t seed, uint64_t stream)
{
    return (sim_dice){sim_mix(seed * 0x9e3779b97f4a7c15u + sim_mix(stream))};
}

static inline uint64_t sim_throw(sim_dice *d)
{
    return sim_mix(d->state += 0x9e3779b97f4a7c15u);
}

/* Returns one of 0 ... n-1. */
static inline int64_t sim_below(sim_dice *d, int64_t n)
{
    return (int64_t)(sim_throw(d) % (uint64_t)n);
}

/* Returns one of least ... most. */
static inline int64_t sim_between(sim_dice *d, int64_t least, int64_t most)
{
    return least + sim_below(d, most - least + 1);
}

/* Returns true with the given probability. */
static inline bool sim_chance(sim_dice *d, double probability)
{
    return (double)(sim_throw(d) >> 11) * 0x1p-53 < probability;
}

/* Returns a time with the given mean: mostly short, sometimes long (exponential). */
static inline sim_time sim_around(sim_dice *d, sim_time mean)
{
    double u = ((double)(sim_throw(d) >> 11) + 0.5) * 0x1p-53;
    return (sim_time)(-log(u) * (double)mean);
}

#endif
