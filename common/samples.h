/* Which samples a step is made of, and which of its slices are audited: keyed numbers, without data
 * set or engine, so that whoever knows the configuration can tell.
 *
 *     rt_sampling p = {.seed = 1337, .samples = 60000, .batch = 64, .slices = 4};
 *     int64_t ids[16], n = rt_slice_sample_ids(&p, step, slice, ids, 16);
 *     char text[256];
 *     rt_slice_sample_text(&p, step, slice, text, sizeof text);      // "5, 77, 40213 and 13 more"
 *
 * Sample i of slice s of step t is at stream position t * batch + first(s) + i (rt_slice_samples);
 * position p is place p mod N of epoch p / N, and each epoch is a keyed permutation of [0, N). */
#ifndef RINGTORCH_COMMON_SAMPLES_H
#define RINGTORCH_COMMON_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fixed for a run. */
typedef struct rt_sampling {
    uint64_t seed;
    int64_t samples;       /* N, in the training set */
    int64_t batch, slices; /* of a step */
} rt_sampling;

/* A keyed bijection of [0, n): what is found at place `q` of epoch `epoch`. 1 <= n <= 2^62 and
 * 0 <= q < n. */
int64_t rt_shuffled(uint64_t seed, int64_t epoch, int64_t n, int64_t q);

/* Returns the sample at a position >= 0 of the endless stream over n samples. */
int64_t rt_sample_id(uint64_t seed, int64_t position, int64_t n);

/* Writes the ids of a slice's samples in order, the first `most` of them; returns how many there are
 * in all. */
int64_t rt_slice_sample_ids(const rt_sampling *p, int64_t step, int64_t slice, int64_t *ids,
                            int64_t most);

/* Writes the ids as "5, 77, 40213 and 13 more", as many as fit into `size` bytes (at least 64). */
void rt_slice_sample_text(const rt_sampling *p, int64_t step, int64_t slice, char *text,
                          size_t size);

/* Returns whether two workers compute slice s of step t and compare: so for about `share` (0 to 1)
 * of all. The draw is apart from all other random numbers of the seed, and decides no result. */
bool rt_slice_is_audited(uint64_t seed, double share, int64_t step, int64_t slice);

#endif
