/* Batches by step and slice. Slices [a,b) of steps 0, 1, ... are numbered in order of use, so the
 * prefetcher's thread can run on from one step into the next. */
#include "worker/engine/train/batches.h"

#include "common/error.h"
#include "common/mem.h"
#include "common/samples.h"

enum { SLOTS = 4 }; /* one in use, three made ahead */

struct rt__batches {
    rt__batch_plan plan;
    rt_sampling sampling;
    int64_t most; /* samples in the largest slice */
    int64_t *ids; /* [most], of the filling thread */
    rt_range range;
    rt__prefetch *ahead; /* for this range; NULL until the first hint */
    rt__filled apart;    /* of rt__batches_again; made at its first call, as are its ids */
    int64_t *apart_ids;
};

/* Runs on the prefetcher's thread. Nothing it reads changes while that thread lives. */
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
    rt__prefetch_free(b->ahead); /* first: its thread reads the rest */
    rt_mem_free(b->ids);
    rt_mem_free(b->apart_ids);
    rt__filled_release(&b->apart);
    rt_mem_free(b);
}

static int64_t number_of(const rt__batches *b, int64_t step, int64_t slice)
{
    return step * (b->range.end - b->range.begin) + slice - b->range.begin;
}

/* Another range of slices means another numbering: a new prefetcher. That is rare, once in a
 * generation. */
static rt_status change_range(rt__batches *b, rt_range slices)
{
    rt__prefetch_free(b->ahead);
    b->ahead = NULL;
    b->range = slices;
    rt_status status = rt__prefetch_new(&(rt__prefetch_args){.fill = fill,
                                                             .ctx = b,
                                                             .slots = SLOTS,
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
