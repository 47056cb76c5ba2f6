/* Random numbers without a generator whose state must be saved: Philox4x32-10 (Salmon et al., SC'11).
 *
 *     rt_random_seek(1337, 20, 0);   // seed, step and slice: what a trainer does before each slice
 *     rt_tensor *first = rt_rand(rt_shape(64, 128));
 *     rt_random_seek(1337, 20, 0);
 *     rt_tensor *again = rt_rand(rt_shape(64, 128));
 *     printf("%g\n", rt_item(rt_amax(rt_abs(rt_sub(first, again)))));   // 0
 *
 * A random operation of a program takes the next `stream` number of its thread. Its element i is
 * Philox(key = seed, counter = (step, slice, stream, i / 4))[i % 4]. Within the forward function of a
 * module of a net (rt_forward), the key is seed ^ h, where h is a hash of the module's full name
 * ("3.dropout"), and `stream` counts what that module has drawn since the last rt_random_seek. So a
 * value depends on (seed, step, slice, place in the program) and never on time, threads or the order in
 * which other operations are evaluated. What a module draws depends on its place in the net and never on
 * what else is run: after the same rt_random_seek it draws the same numbers alone, as part of half a net,
 * or again. Outside of rt_forward (when a layer is made and draws its weights, for example), and in a
 * module that is not part of another one, the thread's own streams continue.
 *
 * Lifetime: the current scope owns every tensor that these functions return. */
#ifndef RINGTORCH_RANDOM_H
#define RINGTORCH_RANDOM_H

#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

/* Sets the calling thread's key and counters, and restarts all streams from 0. rt_init(.seed) does
 * so with step = slice = 0. A counter has 32 bits for the step and 32 bits for i / 4. Their upper
 * halves select another key, so numbers do not repeat in runs of more than 2^32 steps or tensors
 * of more than 2^34 elements. */
RT_API void rt_random_seek(uint64_t seed, uint64_t step, uint32_t slice);

/* Makes a float32 tensor of numbers uniform in [0,1), multiples of 2^-24. */
RT_API rt_tensor *rt_rand(rt_dims shape);
/* Makes a float32 tensor of numbers uniform in [low, high). */
RT_API rt_tensor *rt_uniform(rt_dims shape, double low, double high);
/* Makes a float32 tensor of standard normal numbers (Box and Muller 1958). */
RT_API rt_tensor *rt_randn(rt_dims shape);
/* Makes a float32 tensor of normal numbers with the given mean and standard deviation. */
RT_API rt_tensor *rt_normal(rt_dims shape, double mean, double std);
/* Makes a float32 tensor in which each element is 1 with probability p, and otherwise 0. */
RT_API rt_tensor *rt_bernoulli(rt_dims shape, double p);
/* Makes a tensor of normal numbers with a mean and a standard deviation for each element, which broadcast
 * together (floats; means may be complex). The result has the type that rt_add gives them, but what is
 * drawn are the float32 numbers of rt_randn, for float64 and complex128 as well. Reads the standard
 * deviations, and fails if one is negative or NaN. No gradient. */
RT_API rt_tensor *rt_normal_by(rt_tensor *mean, rt_tensor *std);
/* Makes a tensor with the shape and type of p (floats) in which each element is 1 with the probability that
 * p has there, and otherwise 0. Reads p, and fails if one is not from 0 to 1. No gradient. */
RT_API rt_tensor *rt_bernoulli_by(rt_tensor *p);
/* Makes an int64 tensor of numbers uniform in [low, high). */
RT_API rt_tensor *rt_randint(rt_dims shape, int64_t low, int64_t high);

/* Makes an int64 tensor [n] of the numbers from 0 to n - 1 in random order: rt_permutation with a key of
 * the stream. */
RT_API rt_tensor *rt_randperm(int64_t n);
/* Makes a float32 tensor of exponentially distributed numbers, more than 0, with mean 1 / rate. */
RT_API rt_tensor *rt_exponential(rt_dims shape, double rate);
/* Makes a float32 tensor of gamma-distributed numbers with rate 1, of the shape alpha (float32) for each
 * element (Marsaglia and Tsang, ACM TOMS 2000); NaN where alpha is not more than 0. Divide by a rate to
 * have another one. No gradient. */
RT_API rt_tensor *rt_gamma(rt_tensor *alpha);
/* Makes a float32 tensor of normal numbers with the given mean and standard deviation that lie from `low` to
 * `high`, as torch.nn.init.trunc_normal_ does: the distribution without its tails, not with numbers moved
 * to the ends. */
RT_API rt_tensor *rt_trunc_normal(rt_dims shape, double mean, double std, double low, double high);
/* Makes a tensor with the shape and type of `rate` (floats) of Poisson-distributed numbers with that mean each.
 * Beyond rates of 1e13 the logarithms of probabilities lose the digits that tell which numbers are rare: then
 * the tails are not exact, and beyond 1e17 the variance is not.
 * Fails if a rate is negative or not finite. No gradient. */
RT_API rt_tensor *rt_poisson(rt_tensor *rate);
/* Draws `samples` indices with probabilities proportional to the weights, floats [c] or [n,c]: int64
 * [samples] or [n,samples], a row for each row of weights, which need not add up to 1. Without
 * replacement no index is drawn twice, and those drawn first come first. Fails if a weight is negative or not
 * finite, or a row has no weight other than 0, or without replacement fewer than `samples`. No
 * gradient. */
RT_API rt_tensor *rt_multinomial(rt_tensor *weights, int64_t samples, bool replacement);
/* Makes a tensor with the shape, type and device of x, of numbers uniform in [0,1): those of rt_rand,
 * which 16-bit types round down. Both parts of a complex number are drawn, the real ones first. */
RT_API rt_tensor *rt_rand_like(rt_tensor *x);
/* Makes a tensor with the shape, type and device of x, of standard normal numbers: those of rt_randn.
 * The two parts of a complex number have variance 1/2 each, as PyTorch's have. */
RT_API rt_tensor *rt_randn_like(rt_tensor *x);
/* Makes a tensor with the shape, type and device of x, of integers uniform in [low, high). */
RT_API rt_tensor *rt_randint_like(rt_tensor *x, int64_t low, int64_t high);

/* Returns element q of a keyed permutation of [0, n): the sample at place q of an epoch. It is a
 * Feistel network over Philox with cycle walking (Black and Rogaway, CT-RSA 2002), in O(1) and
 * without a table. Requires 1 <= n <= 2^62 and 0 <= q < n. */
RT_API int64_t rt_permutation(uint64_t seed, int64_t epoch, int64_t n, int64_t q);

RT_END_DECLS

#endif
