#include "worker/shard.h"

#include "common/error.h"
#include "common/mem.h"

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

/* The sum that comes first behind a border between owners. The blocks that hold parameters come first, then loss and weight, which need
 * not lie in one block. */
static int64_t sum_at(const rt_flat *flat, int64_t border)
{
    const int64_t blocks = (flat->count + RT_BLOCK - 1) / RT_BLOCK;
    if (border <= flat->count)
        return border / RT_BLOCK;
    if (border <= flat->tail + RT_SCALAR_LOSS)
        return blocks;
    return border <= flat->tail + RT_SCALAR_WEIGHT ? blocks + 1 : blocks + 2;
}

rt_range rt__sums_of(const rt_flat *flat, rt_range owned)
{
    return (rt_range){sum_at(flat, owned.begin), sum_at(flat, owned.end)};
}

static rt_status make_rounds(rt__shard *s, const rt_optim *optim)
{
    int rounds = rt_optim_rounds(optim);
    if (rounds == 0)
        return RT_OK;
    s->measured = rt_calloc((size_t)rounds, sizeof *s->measured);
    for (; s->measured && s->rounds < rounds; s->rounds++) {
        s->measured[s->rounds] = rt_calloc((size_t)s->world, sizeof **s->measured);
        if (!s->measured[s->rounds])
            return rt_error_code();
    }
    return rt_error_code();
}

static void find_measured(rt__shard *s, int rank, const rt_run *run)
{
    int64_t count = rt_run_flat(run)->count;
    rt_range o = s->owned[rank];
    for (int round = 0; round < s->rounds; round++) {
        rt_range *m = &s->measured[round][rank];
        rt_optim_measured(rt_run_optim(run), round, o.begin < count ? o.begin : count,
                          o.end < count ? o.end : count, &m->begin, &m->end);
    }
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
    }
    s->slice_begin[world] = slice_begin[world];
    s->slices = (rt_range){slice_begin[rank], slice_begin[rank + 1]};
    return RT_OK;
}

rt_status rt__shard_sums(rt__shard *s, const rt_run *run)
{
    RT_TRY(make_rounds(s, rt_run_optim(run)));
    for (int r = 0; r < s->world; r++) {
        s->sums[r] = rt__sums_of(rt_run_flat(run), s->owned[r]);
        find_measured(s, r, run);
    }
    return RT_OK;
}

void rt__shard_release(rt__shard *s)
{
    rt_mem_free(s->slice_begin);
    rt_mem_free(s->owned);
    rt_mem_free(s->sums);
    for (int round = 0; round < s->rounds; round++)
        rt_mem_free(s->measured[round]);
    rt_mem_free(s->measured);
    *s = (rt__shard){0};
}
