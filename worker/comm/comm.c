/* The communicator: life cycle, checks, and the choice of algorithm. */
#include "worker/comm/comm.h"
#include <unistd.h>
#include "common/clock.h"
#include "common/error.h"
#include "common/mem.h"
#include "worker/comm/internal.h"

/* Takes over the transport, also on failure. */
static rt_status comm_new(rt_transport *transport, rt_comm **out)
{
    rt_comm *c = rt_calloc(1, sizeof *c);
    if (!c) {
        transport->ops->free(transport);
        return RT_E_NOMEM;
    }
    c->transport = transport;
    c->rank = transport->rank;
    c->world = transport->world;
    c->crowded = transport->neighbours > sysconf(_SC_NPROCESSORS_ONLN);
    c->created = rt_clock();
    *out = c;
    return RT_OK;
}

rt_status rt_comm_mpi(rt_comm **out)
{
    rt_transport *transport;
    *out = NULL;
    RT_TRY(rt__comm_transport_mpi(&transport));
    return comm_new(transport, out);
}

rt_status rt_comm_loopback(int world, rt_comm *ranks[])
{
    if (world < 1)
        return RT_FAIL(ARG, "loopback: %d ranks, expected at least 1", world);
    rt_status status = RT_OK;
    for (int i = 0; i < world; i++)
        ranks[i] = NULL;
    rt_transport **transports = rt_calloc((size_t)world, sizeof *transports);
    if (!transports)
        return RT_E_NOMEM;
    RT_TRY_GOTO(rt__comm_transport_loopback(world, transports), done);
    for (int i = 0; i < world; i++) {
        rt_status one = comm_new(transports[i], &ranks[i]);
        status = status == RT_OK ? one : status;
    }
    for (int i = 0; status != RT_OK && i < world; i++) {
        rt_comm_free(ranks[i]);
        ranks[i] = NULL;
    }
done:
    rt_mem_free(transports);
    return status;
}

void rt_comm_free(rt_comm *c)
{
    if (!c)
        return;
    c->transport->ops->free(c->transport);
    for (int i = 0; i < RT__SCRATCHES; i++)
        rt_mem_free(c->scratch[i].data);
    rt_mem_free(c);
}

int rt_comm_rank(const rt_comm *c)
{
    return c->rank;
}

int rt_comm_world(const rt_comm *c)
{
    return c->world;
}

void rt_comm_set_abort_flag(rt_comm *c, const atomic_int *flag)
{
    c->abort_flag = flag;
}

rt_comm_stats rt_comm_stats_of(const rt_comm *c)
{
    return c->stats;
}

void *rt__comm_scratch(rt_comm *c, rt__scratch_use use, size_t bytes)
{
    if (c->scratch[use].bytes < bytes || !c->scratch[use].data) {
        rt_mem_free(c->scratch[use].data);
        c->scratch[use].bytes = bytes;
        c->scratch[use].data = rt_malloc_aligned(64, bytes);
    }
    return c->scratch[use].data;
}

static rt_status begin(rt_comm *c, rt__op op)
{
    if (c->broken)
        return rt_fail_at(__FILE__, __LINE__, c->broken, "rank %d: an earlier collective failed",
                          c->rank);
    if (c->abort_flag && atomic_load_explicit(c->abort_flag, memory_order_acquire))
        return RT_FAIL(ABORTED, "rank %d: the run was aborted", c->rank);
    c->op = op;
    c->tag = (c->tag + 1) % RT_TRANSPORT_TAGS;
    return RT_OK;
}

/* A collective that failed half-way leaves messages behind, so nothing may follow it. */
static rt_status end(rt_comm *c, rt_status status)
{
    c->op = RT__IDLE;
    return status == RT_OK ? RT_OK : rt__comm_break(c, status);
}

static const rt__algorithm *by_name(rt_algo algo)
{
    switch (algo) {
    case RT_ALGO_DIRECT:
        return &rt__comm_direct;
    case RT_ALGO_HALVING:
        return &rt__comm_halving;
    case RT_ALGO_RING:
        return &rt__comm_ring;
    default:
        return NULL;
    }
}

/* r NULL: for a gather of `owned`. */
static rt_status choose(const rt_comm *c, rt_algo algo, const rt_reduce *r, const rt_range *owned,
                        const rt__algorithm **out)
{
    if (algo == RT_ALGO_AUTO)
        algo = (r ? rt__comm_halving.can_reduce(c, r) : rt__comm_halving.can_gather(c, owned))
                   ? RT_ALGO_HALVING
                   : RT_ALGO_DIRECT;
    *out = by_name(algo);
    if (!*out)
        return RT_FAIL(UNSUPPORTED, "algorithm %d cannot %s", (int)algo, r ? "reduce" : "gather");
    if (r ? !(*out)->can_reduce(c, r) : !(*out)->can_gather(c, owned))
        return RT_FAIL(UNSUPPORTED, "%s cannot %s among %d ranks with these ranges; use direct",
                       (*out)->name, r ? "reduce" : "gather", c->world);
    return RT_OK;
}

static rt_status check_owned(const rt_comm *c, const rt_range *owned, int64_t count)
{
    for (int i = 0; i < c->world; i++)
        if (owned[i].begin < 0 || owned[i].end < owned[i].begin || owned[i].end > count)
            return RT_FAIL(ARG, "rank %d owns elements %lld to %lld, expected a range within %lld",
                           i, (long long)owned[i].begin, (long long)owned[i].end, (long long)count);
    return RT_OK;
}

static rt_status check_reduce(const rt_comm *c, const rt_reduce *r, const rt_partial *parts, int k)
{
    for (int i = 0; i < c->world; i++)
        if (r->slice_begin[i + 1] <= r->slice_begin[i])
            return RT_FAIL(ARG, "rank %d has slices %lld to %lld, expected at least one", i,
                           (long long)r->slice_begin[i], (long long)r->slice_begin[i + 1]);
    if (r->slice_begin[0] != 0 || r->slice_begin[c->world] != r->slices)
        return RT_FAIL(ARG, "ranks have slices %lld to %lld, expected 0 to %lld",
                       (long long)r->slice_begin[0], (long long)r->slice_begin[c->world],
                       (long long)r->slices);
    rt_range nodes[RT_TREE_NODES_MAX];
    int expected =
        rt_tree_nodes(r->slices, r->slice_begin[c->rank], r->slice_begin[c->rank + 1], nodes);
    if (k != expected)
        return RT_FAIL(ARG, "rank %d brings %d partials, expected %d", c->rank, k, expected);
    for (int i = 0; i < k; i++)
        if (parts[i].node.begin != nodes[i].begin || parts[i].node.end != nodes[i].end)
            return RT_FAIL(ARG,
                           "rank %d: partial %d is of slices %lld to %lld, expected %lld to %lld",
                           c->rank, i, (long long)parts[i].node.begin, (long long)parts[i].node.end,
                           (long long)nodes[i].begin, (long long)nodes[i].end);
    return check_owned(c, r->owned, r->count);
}

rt_status rt_comm_reduce_scatter(rt_comm *c, const rt_reduce *r, const rt_partial *parts, int k,
                                 float *out, rt_algo algo)
{
    const rt__algorithm *a;
    RT_TRY(check_reduce(c, r, parts, k));
    RT_TRY(choose(c, algo, r, NULL, &a));
    RT_TRY(begin(c, RT__REDUCE_SCATTER));
    return end(c, a->reduce_scatter(c, r, parts, k, out));
}

rt_status rt_comm_all_gather(rt_comm *c, void *buf, const rt_range *owned, rt_dtype dtype,
                             rt_algo algo)
{
    const rt__algorithm *a;
    RT_TRY(check_owned(c, owned, INT64_MAX));
    RT_TRY(choose(c, algo, NULL, owned, &a));
    RT_TRY(begin(c, RT__ALL_GATHER));
    return end(c, a->all_gather(c, buf, owned, rt_dtype_size(dtype)));
}

/* Rank i holds slice i of T[0,W) and owns an even share. Fills *r; owned and slice_begin are
 * scratch of c. */
static rt_status plan_all_reduce(rt_comm *c, int64_t count, rt_reduce *r)
{
    const int world = c->world;
    rt_range *owned = rt__comm_scratch(
        c, RT__SCRATCH_PLAN, (size_t)world * sizeof *owned + (size_t)(world + 1) * sizeof(int64_t));
    if (!owned)
        return RT_E_NOMEM;
    int64_t *slice_begin = (int64_t *)(owned + world);
    for (int i = 0; i < world; i++) {
        const int64_t p = rt_is_power_of_two(world) ? rt__comm_bit_reversed(world, i) : i;
        owned[i] = (rt_range){count * p / world, count * (p + 1) / world};
        slice_begin[i] = i;
    }
    slice_begin[world] = world;
    *r = (rt_reduce){.slices = world, .slice_begin = slice_begin, .owned = owned, .count = count};
    return RT_OK;
}

static rt_status library_all_reduce(rt_comm *c, float *buf, int64_t count)
{
    if (!c->transport->ops->all_reduce)
        return RT_FAIL(UNSUPPORTED, "%s has no all_reduce of its own", c->transport->ops->name);
    RT_TRY(begin(c, RT__ALL_REDUCE));
    return end(c, c->transport->ops->all_reduce(c->transport, buf, count));
}

rt_status rt_comm_all_reduce(rt_comm *c, float *buf, int64_t count, rt_algo algo)
{
    if (count < 0)
        return RT_FAIL(ARG, "all_reduce of %lld elements", (long long)count);
    if (algo == RT_ALGO_LIBRARY)
        return library_all_reduce(c, buf, count);
    const rt_partial mine = {.node = {c->rank, c->rank + 1}, .data = buf};
    const rt__algorithm *a;
    rt_reduce r;
    RT_TRY(plan_all_reduce(c, count, &r));
    RT_TRY(choose(c, algo, &r, NULL, &a)); /* whoever reduces these ranges gathers them too */
    RT_TRY(begin(c, RT__ALL_REDUCE));
    rt_status status = a->reduce_scatter(c, &r, &mine, 1, buf);
    if (status == RT_OK)
        status = a->all_gather(c, (char *)buf, r.owned, sizeof *buf);
    return end(c, status);
}

rt_status rt_comm_broadcast(rt_comm *c, void *buf, int64_t bytes, int root)
{
    if (bytes < 0 || root < 0 || root >= c->world)
        return RT_FAIL(ARG, "broadcast of %lld bytes from rank %d, expected a rank below %d",
                       (long long)bytes, root, c->world);
    RT_TRY(begin(c, RT__BROADCAST));
    return end(c, rt__comm_broadcast(c, buf, (size_t)bytes, root));
}

static rt_status check_transfers(const rt_comm *c, const rt_comm_transfer *t, int count)
{
    for (int i = 0; i < count; i++)
        if (t[i].peer < 0 || t[i].peer >= c->world || t[i].peer == c->rank || t[i].bytes < 0)
            return RT_FAIL(ARG,
                           "exchange of %lld bytes between rank %d and rank %d, expected another "
                           "rank below %d",
                           (long long)t[i].bytes, c->rank, t[i].peer, c->world);
    return RT_OK;
}

rt_status rt_comm_exchange(rt_comm *c, const rt_comm_transfer *sends, int send_count,
                           const rt_comm_transfer *receives, int receive_count)
{
    RT_TRY(check_transfers(c, sends, send_count));
    RT_TRY(check_transfers(c, receives, receive_count));
    RT_TRY(begin(c, RT__EXCHANGE));
    return end(c, rt__comm_exchange_all(c, sends, send_count, receives, receive_count));
}

rt_status rt_comm_barrier(rt_comm *c)
{
    RT_TRY(begin(c, RT__BARRIER));
    return end(c, rt__comm_barrier(c));
}
