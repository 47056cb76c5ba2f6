/* Random numbers without a generator to save: Philox4x32-10 (Salmon et al., SC'11), keyed.
 *
 *     rt_random_seek(1337, step, slice);         // what a trainer does before each slice
 *     rt_tensor *m = rt_bernoulli(rt_shape(64, 128), 0.9);
 *
 * A random op of a program takes the next `stream` number of its thread; its element i is Philox(key = seed,
 * counter = (step, slice, stream, i / 4))[i % 4]. In the forward of a module of a net (rt_forward) the key is seed ^ h, h a hash of the
 * module's name in full ("3.dropout"), and `stream` counts what that module has drawn since the last rt_random_seek. So a value depends
 * on (seed, step, slice, place in the program), never on time, thread or order of evaluation of other ops; and what a module draws
 * depends on its place in the net, never on what else is run: after the same rt_random_seek it draws the same alone, as part of half a
 * net, or again. Outside of rt_forward, as when a layer is made and draws its weights, and in a module that is part of no other, the
 * thread's own numbers go on. */
#ifndef RINGTORCH_RANDOM_H
#define RINGTORCH_RANDOM_H

#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

/* Sets the calling thread's key and counters and starts all streams from 0. rt_init(.seed) does so with
 * step = slice = 0. A counter has 32 bits for the step and 32 for i / 4; their upper halves choose another key, so that
 * neither a run of more than 2^32 steps nor a tensor of more than 2^34 elements meets a number again. */
void rt_random_seek(uint64_t seed, uint64_t step, uint32_t slice);

/* Uniform in [0,1), multiples of 2^-24. */
rt_tensor *rt_rand(rt_dims shape);
/* Uniform in [low, high). */
rt_tensor *rt_uniform(rt_dims shape, double low, double high);
/* Standard normal (Box and Muller 1958). */
rt_tensor *rt_randn(rt_dims shape);
/* Normal with that mean and standard deviation. */
rt_tensor *rt_normal(rt_dims shape, double mean, double std);
/* float32: 1 with probability p, else 0. */
rt_tensor *rt_bernoulli(rt_dims shape, double p);
/* int64, uniform in [low, high). */
rt_tensor *rt_randint(rt_dims shape, int64_t low, int64_t high);

/* A keyed bijection of [0, n): where place `q` of epoch `epoch` is found. Feistel network over
 * Philox with cycle walking (Black and Rogaway, CT-RSA 2002): O(1), no table. Needs 1 <= n <= 2^62
 * and 0 <= q < n. */
int64_t rt_permutation(uint64_t seed, int64_t epoch, int64_t n, int64_t q);

RT_END_DECLS

#endif
