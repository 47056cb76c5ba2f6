/* Exact tree sum by recursive halving, and the all-gather that undoes it, recursive doubling.
 * R. Thakur, R. Rabenseifner, W. Gropp, "Optimization of Collective Communication Operations in
 * MPICH", 2005.
 *
 * Ranks at distance 1, 2, 4, ... swap halves of the elements that they still hold and add: after step d a rank holds
 * the sum over the aligned group of 2d ranks around it, which is a node of T[0,S), for 1/(2d) of the elements. A rank
 * whose bit d is 0 keeps the lower half, so the final ranges are in bit-reversed rank order:
 *
 *     W = 4:   | rank 0 | rank 2 | rank 1 | rank 3 |
 *
 * log2 W messages and (W-1)/W*M bytes each way. */
#include "common/base/error.h"
#include "worker/comm/internal.h"

int rt__comm_bit_reversed(int world, int place)
{
    int rank = 0;
    for (int bit = 1; bit < world; bit <<= 1)
        rank = rank << 1 | ((place & bit) != 0);
    return rank;
}

/* Places [begin, end) of the buffer that a group of ranks holds at some step. */
typedef struct places {
    int begin, end;
} places;

/* Returns the elements of some places, which are contiguous. */
static rt_range elements(int world, const rt_range *owned, places p)
{
    return (rt_range){owned[rt__comm_bit_reversed(world, p.begin)].begin,
                      owned[rt__comm_bit_reversed(world, p.end - 1)].end};
}

/* Returns what a rank holds before the step of this distance (1: everything; W: its own range). */
static places held(int world, int rank, int distance)
{
    const int place = rt__comm_bit_reversed(world, rank), width = world / distance;
    const int begin = place / width * width;
    return (places){begin, begin + width};
}

static bool can_gather(const rt_comm *c, const rt_range *owned)
{
    if (!rt_is_power_of_two(c->world))
        return false;
    for (int p = 1; p < c->world; p++)
        if (owned[rt__comm_bit_reversed(c->world, p)].begin !=
            owned[rt__comm_bit_reversed(c->world, p - 1)].end)
            return false;
    return true;
}

/* Every aligned group of 1, 2, 4, ... ranks must hold exactly one node of the tree. */
static bool can_reduce(const rt_comm *c, const rt_reduce *r)
{
    if (!can_gather(c, r->owned))
        return false;
    for (int group = 1; group <= c->world; group <<= 1)
        for (int first = 0; first < c->world; first += group) {
            rt_range nodes[RT_TREE_NODES_MAX];
            if (rt_tree_nodes(r->slices, r->slice_begin[first], r->slice_begin[first + group],
                              nodes) != 1)
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
    for (int distance = 1; distance < c->world; distance <<= 1) {
        const int partner = c->rank ^ distance;
        const bool last = 2 * distance == c->world;
        const rt_range keep = elements(c->world, r->owned, held(c->world, c->rank, 2 * distance));
        const rt_range give = elements(c->world, r->owned, held(c->world, partner, 2 * distance));
        const rt__exchange x = {
            .to = partner,
            .send = sum + (size_t)give.begin * element,
            .send_bytes = (size_t)(give.end - give.begin) * element,
            .from = partner,
            .receive = (last ? (char *)out->data : sum) + (size_t)keep.begin * element,
            .receive_bytes = (size_t)(keep.end - keep.begin) * element,
            .mine = sum + (size_t)keep.begin * element,
            .mine_first = c->rank < partner,
            .dtype = out->dtype,
        };
        RT_TRY(rt__comm_exchange(c, &x));
    }
    return RT_OK;
}

static rt_status all_gather(rt_comm *c, char *buf, const rt_range *owned, size_t element)
{
    for (int distance = c->world / 2; distance >= 1; distance /= 2) {
        const int partner = c->rank ^ distance;
        const rt_range have = elements(c->world, owned, held(c->world, c->rank, 2 * distance));
        const rt_range want = elements(c->world, owned, held(c->world, partner, 2 * distance));
        const rt__exchange x = {
            .to = partner,
            .send = buf + (size_t)have.begin * element,
            .send_bytes = (size_t)(have.end - have.begin) * element,
            .from = partner,
            .receive = buf + (size_t)want.begin * element,
            .receive_bytes = (size_t)(want.end - want.begin) * element,
        };
        RT_TRY(rt__comm_exchange(c, &x));
    }
    return RT_OK;
}

const rt__algorithm rt__comm_halving = {
    .name = "halving",
    .can_reduce = can_reduce,
    .reduce_scatter = reduce_scatter,
    .can_gather = can_gather,
    .all_gather = all_gather,
};
