/* Batch statistics in a training run. A value that a layer reports for a slice (rt_nn_observe) does not go into its buffer immediately:
 * multiplied by the slice's number of samples, it goes to the buffer's place after the gradients and is summed with them, in the same
 * order for any number of workers. Once per step, the owner of the buffer moves it towards the mean over the step's samples. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/base/pool.h"
#include "worker/engine/nn/module.h"
#include "worker/engine/tensor/tensor.h"
#include "worker/engine/train/run_inside.h"
#include <string.h>

rt_status rt__observed_init(rt__observed *o, const rt_flat *flat)
{
    *o = (rt__observed){.flat = flat};
    size_t n = (size_t)flat->small + 1;
    o->momentum = rt_calloc(n, sizeof *o->momentum);
    return o->momentum ? RT_OK : rt_error_code();
}

void rt__observed_release(rt__observed *o)
{
    rt_mem_free(o->momentum);
    *o = (rt__observed){0};
}

/* ---- a slice ---- */

static int32_t find(const rt_flat *flat, const rt_tensor *buffer)
{
    int32_t i = 0;
    while (i < flat->small && flat->entry[flat->entries + i].param != buffer)
        i++;
    return i;
}

static rt_status observe(void *ctx, rt_tensor *buffer, rt_tensor *value, double momentum)
{
    const rt__observing *s = ctx;
    const rt_flat *flat = s->of->flat;
    int32_t i = find(flat, buffer);
    if (i == flat->small)
        return RT_FAIL(UNSUPPORTED,
                       "nn_observe: a training run needs buffers that are RT_PERSISTENT");
    rt_tensor *dense = rt__tensor_contiguous(value);
    if (!dense)
        return rt_error_code();
    const rt_flat_entry *e = &flat->entry[flat->entries + i];
    const float *from = rt_f32(dense);
    float *to = s->place + e->begin;
    for (int64_t k = 0; k < e->end - e->begin; k++)
        to[k] += s->samples * from[k];
    s->times[i]++;
    s->of->momentum[i] = momentum;
    return RT_OK;
}

void rt__observed_begin_step(rt__observed *o)
{
    memset(o->momentum, 0, (size_t)o->flat->small * sizeof *o->momentum);
}

static size_t times_bytes(const rt__observing *s)
{
    return (size_t)s->of->flat->small * sizeof *s->times;
}

rt_status rt__observed_begin(rt__observing *s, rt__observed *o, float *place, int64_t samples)
{
    *s = (rt__observing){
        .of = o, .place = place, .samples = (float)samples, .observer = {observe, s}};
    if (o->flat->small > 0) {
        s->times = rt__pool_alloc(times_bytes(s));
        if (!s->times)
            return rt_error_code();
        memset(s->times, 0, times_bytes(s));
    }
    s->former = rt__nn_observed_by(&s->observer);
    return RT_OK;
}

void rt__observed_end(rt__observing *s)
{
    const rt_flat *flat = s->of->flat;
    rt__nn_observed_by(s->former);
    /* A layer that ran several times in the slice contributes the mean of its values. */
    for (int32_t i = 0; i < flat->small; i++) {
        const rt_flat_entry *e = &flat->entry[flat->entries + i];
        for (int64_t k = e->begin; s->times[i] > 1 && k < e->end; k++)
            s->place[k] /= (float)s->times[i];
    }
    rt__pool_free(s->times, times_bytes(s));
}

/* ---- a step ---- */

void rt__observed_commit(const rt__observed *o, rt_range owned, double samples)
{
    const rt_flat *flat = o->flat;
    for (int32_t i = 0; i < flat->small; i++) {
        const rt_flat_entry *e = &flat->entry[flat->entries + i];
        int64_t begin = e->begin > owned.begin ? e->begin : owned.begin;
        int64_t end = e->end < owned.end ? e->end : owned.end;
        const double m = o->momentum[i];
        if (m == 0 || begin >= end) /* not reported, or owned by others */
            continue;
        rt__tensor_touch(e->param);
        for (int64_t k = begin; k < end; k++)
            flat->param[k] = (float)((1 - m) * flat->param[k] + m * (flat->grad[k] / samples));
    }
}
