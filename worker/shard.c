#include "worker/shard.h"

#include <ringtorch/optim.h>
#include "common/error.h"
#include "common/mem.h"

/* The sum that comes first behind a border between owners. Behind the blocks come loss and weight; the tail may spill into
 * a block that holds no parameter, and that one has no number. */
static int64_t sum_at(int64_t border, int64_t length)
{
    int64_t count = length - RT_FLAT_SCALARS, blocks = (count + RT_BLOCK - 1) / RT_BLOCK;
    if (border > count + RT_SCALAR_WEIGHT)
        return blocks + 2;
    return border > count + RT_SCALAR_LOSS ? blocks + 1 : border / RT_BLOCK;
}

static rt_status check_slices(int world, int64_t slices, const int64_t *begin)
{
    for (int r = 0; r < world; r++)
        if (begin[r] >= begin[r + 1])
            return RT_FAIL(PROTOCOL, "plan: rank %d has slices [%lld,%lld): every rank needs one",
                           r, (long long)begin[r], (long long)begin[r + 1]);
    if (begin[0] != 0 || begin[world] != slices)
        return RT_FAIL(PROTOCOL, "plan: slices go from %lld to %lld, expected 0 to %lld",
                       (long long)begin[0], (long long)begin[world], (long long)slices);
    return RT_OK;
}

rt_status rt__shard_init(rt__shard *s, int world, int rank, int64_t slices,
                         const int64_t *slice_begin, int64_t length)
{
    RT_TRY(check_slices(world, slices, slice_begin));
    *s = (rt__shard){.rank = rank, .world = world, .slice_count = slices};
    s->slice_begin = rt_calloc((size_t)world + 1, sizeof *s->slice_begin);
    s->owned = rt_calloc((size_t)world, sizeof *s->owned);
    s->sums = rt_calloc((size_t)world, sizeof *s->sums);
    if (!s->slice_begin || !s->owned || !s->sums) {
        rt__shard_release(s);
        return RT_E_NOMEM;
    }
    for (int r = 0; r < world; r++) {
        rt_range o = rt_owned_by_rank(length, world, r);
        s->slice_begin[r] = slice_begin[r];
        s->owned[r] = o;
        s->sums[r] = (rt_range){sum_at(o.begin, length), sum_at(o.end, length)};
    }
    s->slice_begin[world] = slice_begin[world];
    s->slices = (rt_range){slice_begin[rank], slice_begin[rank + 1]};
    return RT_OK;
}

void rt__shard_release(rt__shard *s)
{
    rt_mem_free(s->slice_begin);
    rt_mem_free(s->owned);
    rt_mem_free(s->sums);
    *s = (rt__shard){0};
}
