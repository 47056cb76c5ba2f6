/* Batches by step and slice. Slices [a,b) of steps 0, 1, ... are numbered in order of use, so the prefetch thread can continue from one
 * step into the next. */
#include "worker/engine/train/batches.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/samples.h"

/* Returns how many slots to read ahead for a step of `slices` slices: enough for two steps, so that the thread is woken about once per
 * step, but at most 15, because many slices are small work each. */
static int ahead_for(int64_t slices)
{
    enum { MOST = 15 };
    return slices <= MOST / 2 ? 1 + 2 * (int)slices : MOST;
}

struct rt__batches {
    rt__batch_plan plan;
    rt_sampling sampling;
    int64_t most; /* samples in the largest slice */
    int64_t *ids; /* [most], used by the filling thread */
    rt_range range;
    rt__prefetch *ahead; /* prefetcher for this range; NULL until the first hint */
    rt__filled apart;    /* buffer of rt__batches_again; made at its first call, like apart_ids */
    int64_t *apart_ids;
};

/* Runs on the prefetch thread. Nothing that it reads changes while that thread lives. */
static rt_status fill(void *ctx, int64_t number, rt__filled *to)
{
    const rt__batches *b = ctx;
    int64_t width = b->range.end - b->range.begin;
    int64_t step = number / width, slice = b->range.begin + number % width;
    int64_t n = rt_slice_sample_ids(&b->sampling, step, slice, b->ids, b->most);
    return rt__filled_read(to, b->plan.data, b->ids, n);
}

rt_status rt__batches_new(const rt__batch_plan *plan, rt__batches **out)
{
    *out = NULL;
    rt__batches *b = rt_calloc(1, sizeof *b);
    if (!b)
        return rt_error_code();
    b->plan = *plan;
    b->sampling = (rt_sampling){plan->seed, rt_data_size(plan->data), plan->batch, plan->slices};
    b->most = (plan->batch + plan->slices - 1) / plan->slices;
    b->ids = rt_calloc((size_t)b->most, sizeof *b->ids);
    if (!b->ids) {
        rt__batches_free(b);
        return rt_error_code();
    }
    *out = b;
    return RT_OK;
}

void rt__batches_free(rt__batches *b)
{
    if (!b)
        return;
    rt__prefetch_free(b->ahead); /* first: its thread uses the rest */
    rt_mem_free(b->ids);
    rt_mem_free(b->apart_ids);
    rt__filled_release(&b->apart);
    rt_mem_free(b);
}

static int64_t number_of(const rt__batches *b, int64_t step, int64_t slice)
{
    return step * (b->range.end - b->range.begin) + slice - b->range.begin;
}

/* A new range of slices means a new numbering, and so a new prefetcher. This is rare: once per generation. */
static rt_status change_range(rt__batches *b, rt_range slices)
{
    rt__prefetch_free(b->ahead);
    b->ahead = NULL;
    b->range = slices;
    int64_t width = slices.end - slices.begin;
    int held = b->plan.together ? (int)width : 1;
    rt_status status = rt__prefetch_new(&(rt__prefetch_args){.fill = fill,
                                                             .ctx = b,
                                                             .slots = held + ahead_for(width),
                                                             .held = held,
                                                             .data = b->plan.data,
                                                             .most = b->most,
                                                             .threaded = true},
                                        &b->ahead);
    return status == RT_OK ? RT_OK : rt_error_prefix("data.batch %lld", (long long)b->plan.batch);
}

rt_status rt__batches_hint(rt__batches *b, int64_t step, rt_range slices)
{
    RT_ASSERT(0 <= slices.begin && slices.begin < slices.end && slices.end <= b->plan.slices &&
              step >= 0);
    if (!b->ahead || slices.begin != b->range.begin || slices.end != b->range.end)
        RT_TRY(change_range(b, slices));
    rt__prefetch_hint(b->ahead, number_of(b, step, slices.begin));
    return RT_OK;
}

rt_status rt__batches_take(rt__batches *b, int64_t step, int64_t slice, const rt__filled **out)
{
    return rt__prefetch_take(b->ahead, number_of(b, step, slice), out);
}

static rt_status make_apart(rt__batches *b)
{
    if (!b->apart_ids)
        b->apart_ids = rt_calloc((size_t)b->most, sizeof *b->apart_ids);
    if (b->apart_ids && !b->apart.memory)
        RT_TRY(rt__filled_init(&b->apart, b->plan.data, b->most));
    return rt_error_code();
}

rt_status rt__batches_again(rt__batches *b, int64_t step, int64_t slice, const rt__filled **out)
{
    RT_TRY(make_apart(b));
    int64_t n = rt_slice_sample_ids(&b->sampling, step, slice, b->apart_ids, b->most);
    *out = &b->apart;
    return rt__filled_read(&b->apart, b->plan.data, b->apart_ids, n);
}
