#include "worker/shard.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include <string.h>

_Static_assert((int)RT_BLOCK_SCALARS == (int)RT_FLAT_SCALARS, "the coordinator counts blocks too");

static rt_status check_slices(int world, const rt_msg_plan *plan)
{
    const int64_t *begin = plan->slice_begin;
    if (plan->slice_begin_count != world + 1)
        return RT_FAIL(PROTOCOL, "plan: %lld numbers say who has slices, expected %d",
                       (long long)plan->slice_begin_count, world + 1);
    for (int r = 0; r < world; r++)
        if (begin[r] >= begin[r + 1])
            return RT_FAIL(PROTOCOL, "plan: rank %d has slices [%lld,%lld): every rank needs one",
                           r, (long long)begin[r], (long long)begin[r + 1]);
    if (begin[0] != 0 || begin[world] != plan->slices)
        return RT_FAIL(PROTOCOL, "plan: slices go from %lld to %lld, expected 0 to %lld",
                       (long long)begin[0], (long long)begin[world], (long long)plan->slices);
    return RT_OK;
}

/* Finds the axis "data"; every other one must have a single place. */
static rt_status find_data(const rt_mesh *mesh, int *data)
{
    *data = rt_mesh_find(mesh, RT_AXIS_DATA);
    if (*data < 0)
        return RT_FAIL(PROTOCOL, "plan: there is no axis %s, along which slices are dealt out",
                       RT_AXIS_DATA);
    for (int axis = 0; axis < rt_mesh_axes(mesh); axis++)
        if (axis != *data && rt_mesh_size(mesh, axis) > 1)
            return RT_FAIL(UNSUPPORTED,
                           "plan: axis %s has size %d: this version spreads a step along %s only",
                           rt_mesh_name(mesh, axis), rt_mesh_size(mesh, axis), RT_AXIS_DATA);
    return RT_OK;
}

/* Returns the first sum after a border between owners. The blocks of parameters come first, then loss and weight, which
 * may lie in different blocks. */
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

static rt_status fill(rt__shard *s, const rt_msg_plan *plan, int64_t length)
{
    RT_TRY(find_data(s->mesh, &s->data));
    const int world = s->world = rt_mesh_size(s->mesh, s->data);
    s->rank = rt_mesh_place(s->mesh, s->data, rt_mesh_rank(s->mesh));
    RT_TRY(check_slices(world, plan));
    s->slice_count = plan->slices;
    s->slices = (rt_range){plan->slice_begin[s->rank], plan->slice_begin[s->rank + 1]};
    s->slice_begin = rt_calloc((size_t)world + 1, sizeof *s->slice_begin);
    s->owned = rt_calloc((size_t)world, sizeof *s->owned);
    s->sums = rt_calloc((size_t)world, sizeof *s->sums);
    if (!s->slice_begin || !s->owned || !s->sums)
        return RT_E_NOMEM;
    memcpy(s->slice_begin, plan->slice_begin, (size_t)(world + 1) * sizeof *s->slice_begin);
    for (int r = 0; r < world; r++)
        s->owned[r] = rt_elements_of_blocks(length, rt_mesh_owned(s->mesh, s->data, r));
    return RT_OK;
}

rt_status rt__shard_init(rt__shard *s, const rt_msg_plan *plan, int world, int rank, int64_t length)
{
    *s = (rt__shard){0};
    RT_TRY(rt_mesh_make(plan, world, rank, rt_block_count(length), &s->mesh));
    const rt_status status = fill(s, plan, length);
    if (status != RT_OK)
        rt__shard_release(s);
    return status;
}

static rt_status connect_job(rt_comm *c, void *arg)
{
    return rt_mesh_connect(arg, c);
}

rt_status rt__shard_connect(rt__shard *s, rt__commthread *comm)
{
    return rt__commthread_run(comm, connect_job, s->mesh);
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
    rt_mesh_free(s->mesh);
    rt_mem_free(s->slice_begin);
    rt_mem_free(s->owned);
    rt_mem_free(s->sums);
    for (int round = 0; round < s->rounds; round++)
        rt_mem_free(s->measured[round]);
    rt_mem_free(s->measured);
    *s = (rt__shard){0};
}
