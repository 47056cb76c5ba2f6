/* Which samples a step uses, and which of its slices are audited. Both follow from keyed random numbers, without data
 * set or engine, so any program that has the configuration can compute them.
 *
 *     rt_sampling p = {.seed = 1337, .samples = 60000, .batch = 64, .slices = 4};
 *     int64_t ids[16], n = rt_slice_sample_ids(&p, step, slice, ids, 16);
 *     char text[256];
 *     rt_slice_sample_text(&p, step, slice, text, sizeof text);      // "5, 77, 40213 and 13 more"
 *
 * Sample i of slice s of step t is at stream position t * batch + first(s) + i (rt_slice_samples);
 * position p is place p mod N of epoch p / N, and each epoch is a keyed permutation of [0, N). */
#ifndef RINGTORCH_COMMON_BASE_SAMPLES_H
#define RINGTORCH_COMMON_BASE_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most steps that a run may have: initial weights are drawn at the number after it, as if of one more step. */
#define RT_STEPS_MAX (UINT32_MAX - 1)

/* Fixed for a run. */
typedef struct rt_sampling {
    uint64_t seed;
    int64_t samples;       /* N, in the training set */
    int64_t batch, slices; /* of a step */
} rt_sampling;

/* Returns the sample at place `q` of epoch `epoch`, by a keyed bijection of [0, n). Needs 1 <= n <= 2^62 and 0 <= q <
 * n. */
int64_t rt_shuffled(uint64_t seed, int64_t epoch, int64_t n, int64_t q);

/* Returns the sample at a position >= 0 of the endless stream over n samples. */
int64_t rt_sample_id(uint64_t seed, int64_t position, int64_t n);

/* Writes the ids of a slice's samples in order, at most `most` of them; returns how many the slice has. */
int64_t rt_slice_sample_ids(const rt_sampling *p, int64_t step, int64_t slice, int64_t *ids,
                            int64_t most);

/* Writes the ids as "5, 77, 40213 and 13 more", as many as fit into `size` bytes (at least 64). */
void rt_slice_sample_text(const rt_sampling *p, int64_t step, int64_t slice, char *text,
                          size_t size);

/* Returns whether slice s of step t is audited, that is, computed by two workers and compared; true for about `share`
 * (0 to 1) of all slices. The draw uses random numbers of its own, so it changes no result. */
bool rt_slice_is_audited(uint64_t seed, double share, int64_t step, int64_t slice);

#endif
