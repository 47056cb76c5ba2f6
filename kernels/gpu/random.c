/* Launches random numbers. */
#include "kernels/gpu/launch.h"
#include <math.h>

static random_args numbers(rt_rng r, int64_t n)
{
    return (random_args){.n = n,
                         .seed = r.seed,
                         .skip = r.skip,
                         .step = r.step,
                         .slice = r.slice,
                         .stream = r.stream};
}

static void uniform_f32(rt_exec *e, rt_rng r, int64_t n, double lo, double hi, void *y)
{
    random_args a = numbers(r, n);
    a.low = (float)lo;
    a.width = (float)((hi - lo) * 0x1p-24);
    a.end = nextafterf((float)hi, (float)lo); /* rounding may reach hi */
    LAUNCH(e, random, "uniform_f32", n, a, y);
}

static void normal_f32(rt_exec *e, rt_rng r, int64_t n, double mean, double std, void *y)
{
    random_args a = numbers(r, n);
    a.low = (float)mean;
    a.width = (float)std;
    LAUNCH(e, random, "normal_f32", n, a, y);
}

static void bernoulli_f32(rt_exec *e, rt_rng r, int64_t n, double p, void *y)
{
    random_args a = numbers(r, n);
    a.low = (float)p;
    LAUNCH(e, random, "bernoulli_f32", n, a, y);
}

static void dropout_mask_f32(rt_exec *e, rt_rng r, int64_t n, double p, void *y)
{
    random_args a = numbers(r, n);
    a.low = (float)ceil(p * 0x1p24);
    a.width = (float)(1 / (1 - p));
    LAUNCH(e, random, "dropout_mask_f32", n, a, y);
}

void rt__gpu_install_random(rt_kernels *k)
{
    k->uniform[RT_F32] = uniform_f32;
    k->normal[RT_F32] = normal_f32;
    k->bernoulli[RT_F32] = bernoulli_f32;
    k->dropout_mask[RT_F32] = dropout_mask_f32;
}
