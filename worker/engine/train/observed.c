/* Statistics over batches in a training run. What a layer tells of a slice (rt_nn_observe) is not put into its buffer at once: it goes,
 * times the slice's samples, to the buffer's place behind the gradients, and is summed with them, in the same order for any number of
 * workers. The owner of the buffer moves it once a step, towards the mean over the step's samples. */
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/nn/module.h"
#include "worker/engine/tensor/tensor.h"
#include "worker/engine/train/run_inside.h"

rt_status rt__observed_init(rt__observed *o, const rt_flat *flat)
{
    *o = (rt__observed){.flat = flat};
    size_t n = (size_t)flat->small + 1;
    o->momentum = rt_calloc(n, sizeof *o->momentum);
    o->times = rt_calloc(n, sizeof *o->times);
    return o->momentum && o->times ? RT_OK : rt_error_code();
}

void rt__observed_release(rt__observed *o)
{
    rt_mem_free(o->momentum);
    rt_mem_free(o->times);
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
    rt__observed *o = ctx;
    int32_t i = find(o->flat, buffer);
    if (i == o->flat->small)
        return RT_FAIL(UNSUPPORTED,
                       "nn_observe: a training run needs buffers that are RT_PERSISTENT");
    rt_tensor *dense = rt__tensor_contiguous(value);
    if (!dense)
        return rt_error_code();
    const rt_flat_entry *e = &o->flat->entry[o->flat->entries + i];
    const float *from = rt_f32(dense);
    float *to = o->place + e->begin;
    for (int64_t k = 0; k < e->end - e->begin; k++)
        to[k] += o->samples * from[k];
    o->times[i]++;
    o->momentum[i] = momentum;
    return RT_OK;
}

void rt__observed_forget(rt__observed *o)
{
    memset(o->momentum, 0, (size_t)o->flat->small * sizeof *o->momentum);
}

const rt__nn_observer *rt__observed_begin(rt__observed *o, float *place, int64_t samples)
{
    o->place = place;
    o->samples = (float)samples;
    o->observer = (rt__nn_observer){observe, o};
    memset(o->times, 0, (size_t)o->flat->small * sizeof *o->times);
    return rt__nn_observed_by(&o->observer);
}

void rt__observed_end(rt__observed *o, const rt__nn_observer *former)
{
    rt__nn_observed_by(former);
    /* A layer that has run several times in the slice counts by its mean. */
    for (int32_t i = 0; i < o->flat->small; i++) {
        const rt_flat_entry *e = &o->flat->entry[o->flat->entries + i];
        for (int64_t k = e->begin; o->times[i] > 1 && k < e->end; k++)
            o->place[k] /= (float)o->times[i];
    }
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
        if (m == 0 || begin >= end) /* nobody has told of it, or it stays */
            continue;
        rt__tensor_touch(e->param);
        for (int64_t k = begin; k < end; k++)
            flat->param[k] = (float)((1 - m) * flat->param[k] + m * (flat->grad[k] / samples));
    }
}
