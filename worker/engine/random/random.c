/* Random tensors. Values depend on (seed, step, slice, stream, element) only. */
#include <ringtorch/random.h>
#include <float.h>
#include <math.h>
#include "common/error.h"
#include "worker/engine/autograd/op.h"
#include "worker/engine/base/thread.h"
#include "common/philox.h"

/* Odd, so that all keys differ, and not the number that rt__philox_key has for the upper half of an element. */
static const uint64_t KEY_OF_STEPS = 0xD1B54A32D192ED03;

void rt_random_seek(uint64_t seed, uint64_t step, uint32_t slice)
{
    rt__thread.rng = (rt_rng){
        .seed = seed ^ (step >> 32) * KEY_OF_STEPS, .step = (uint32_t)step, .slice = slice};
}

/* Takes the next stream number of the thread. */
static rt_rng next_stream(void)
{
    rt_rng r = rt__thread.rng;
    rt__thread.rng.stream++;
    return r;
}

/* Returns the kernels and a tensor to fill, or NULL. */
static rt_tensor *target(rt_dims shape, rt_dtype dtype)
{
    return rt_failed() || !rt_kernels_cpu() ? NULL : rt_empty(shape, dtype);
}

rt_tensor *rt_uniform(rt_dims shape, double low, double high)
{
    if (!rt_failed() && !(low <= high && fabs(low) <= FLT_MAX && fabs(high) <= FLT_MAX))
        return RT_FAIL_NULL(RANGE, "uniform: range [%g, %g), expected finite ends, the lower first",
                            low, high);
    rt_tensor *y = target(shape, RT_F32);
    if (y)
        rt_cpu()->uniform[RT_F32](next_stream(), y->numel, low, high, y->data);
    return y;
}

rt_tensor *rt_rand(rt_dims shape)
{
    return rt_uniform(shape, 0, 1);
}

rt_tensor *rt_normal(rt_dims shape, double mean, double std)
{
    if (!rt_failed() && !(std >= 0))
        return RT_FAIL_NULL(RANGE, "normal: standard deviation %g, expected 0 or more", std);
    rt_tensor *y = target(shape, RT_F32);
    if (y)
        rt_cpu()->normal[RT_F32](next_stream(), y->numel, mean, std, y->data);
    return y;
}

rt_tensor *rt_randn(rt_dims shape)
{
    return rt_normal(shape, 0, 1);
}

rt_tensor *rt_bernoulli(rt_dims shape, double p)
{
    if (!rt_failed() && !(p >= 0 && p <= 1))
        return RT_FAIL_NULL(RANGE, "bernoulli: probability %g, expected 0 to 1", p);
    rt_tensor *y = rt_rand(shape);
    float *v = y ? y->data : NULL;
    for (int64_t i = 0; v && i < y->numel; i++)
        v[i] = v[i] < (float)p;
    return y;
}

/* Element i is the high half of (words 2i, 2i+1 as a 64-bit number) * (high - low): its bias, at
 * most range / 2^64, cannot be seen. */
rt_tensor *rt_randint(rt_dims shape, int64_t low, int64_t high)
{
    if (!rt_failed() && low >= high)
        return RT_FAIL_NULL(RANGE, "randint: no integer in [%lld, %lld)", (long long)low,
                            (long long)high);
    rt_tensor *y = target(shape, RT_I64);
    int64_t *v = y ? y->data : NULL;
    rt_rng r = v ? next_stream() : (rt_rng){0};
    uint64_t range = (uint64_t)high - (uint64_t)low;
    for (int64_t i = 0; v && i < y->numel; i++) {
        uint64_t element = r.skip + (uint64_t)i / 2;
        uint32_t w[4] = {r.step, r.slice, r.stream, (uint32_t)element};
        rt__philox(rt__philox_key(r.seed, element), w);
        const uint32_t *pair = w + 2 * (i % 2);
        uint64_t word = (uint64_t)pair[1] << 32 | pair[0];
        v[i] = (int64_t)((uint64_t)low + (uint64_t)((unsigned __int128)word * range >> 64));
    }
    return y;
}
