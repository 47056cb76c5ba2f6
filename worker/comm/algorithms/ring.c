/* The classic ring: P. Patarasuk, X. Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations",
 * 2009. Each rank communicates only with its two neighbours, and all links are always busy.
 *
 * The range of rank r starts at rank r+1 and travels around the ring, each rank adding its own value, until it reaches
 * rank r: ((x[r+1] + x[r+2]) + ...) + x[r]. The order is fixed for a fixed W and differs between ranges. W-1 messages
 * and (W-1)/W*M bytes each way. */
#include "common/base/error.h"
#include "worker/comm/internal.h"

static int wrapped(const rt_comm *c, int rank)
{
    return (rank % c->world + c->world) % c->world;
}

static bool can_reduce(const rt_comm *c, const rt_reduce *r)
{
    for (int i = 0; i < c->world; i++) {
        rt_range nodes[RT_TREE_NODES_MAX];
        if (rt_tree_nodes(r->slices, r->slice_begin[i], r->slice_begin[i + 1], nodes) != 1)
            return false;
    }
    return true;
}

static rt_status reduce_scatter(rt_comm *c, const rt_reduce *r, const rt_partial *parts, int k,
                                const rt_buf *out)
{
    const size_t element = rt_dtype_size(out->dtype);
    char *sum = parts[0].data;
    if (c->world == 1)
        return rt__comm_direct.reduce_scatter(c, r, parts, k, out);
    for (int step = 1; step < c->world; step++) {
        const rt_range give = r->owned[wrapped(c, c->rank - step)];
        const rt_range take = r->owned[wrapped(c, c->rank - step - 1)];
        const bool home = step == c->world - 1;
        const rt__exchange x = {
            .to = wrapped(c, c->rank + 1),
            .send = sum + (size_t)give.begin * element,
            .send_bytes = (size_t)(give.end - give.begin) * element,
            .from = wrapped(c, c->rank - 1),
            .receive = (home ? (char *)out->data : sum) + (size_t)take.begin * element,
            .receive_bytes = (size_t)(take.end - take.begin) * element,
            .mine = sum + (size_t)take.begin * element,
            .mine_first = false,
            .dtype = out->dtype,
        };
        RT_TRY(rt__comm_exchange(c, &x));
    }
    return RT_OK;
}

static bool can_gather(const rt_comm *c, const rt_range *owned)
{
    (void)c, (void)owned;
    return true;
}

static rt_status all_gather(rt_comm *c, char *buf, const rt_range *owned, size_t element)
{
    for (int step = 0; step < c->world - 1; step++) {
        const rt_range give = owned[wrapped(c, c->rank - step)];
        const rt_range take = owned[wrapped(c, c->rank - step - 1)];
        const rt__exchange x = {
            .to = wrapped(c, c->rank + 1),
            .send = buf + (size_t)give.begin * element,
            .send_bytes = (size_t)(give.end - give.begin) * element,
            .from = wrapped(c, c->rank - 1),
            .receive = buf + (size_t)take.begin * element,
            .receive_bytes = (size_t)(take.end - take.begin) * element,
        };
        RT_TRY(rt__comm_exchange(c, &x));
    }
    return RT_OK;
}

const rt__algorithm rt__comm_ring = {
    .name = "ring",
    .can_reduce = can_reduce,
    .reduce_scatter = reduce_scatter,
    .can_gather = can_gather,
    .all_gather = all_gather,
};
