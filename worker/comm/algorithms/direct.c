/* Exact tree sum by sending every partial straight to the owner of its elements.
 *
 * The owner receives one value per canonical node of every rank and adds them in the order of T[0,S), so it works for
 * any number of ranks, any division of slices and any ranges. Ranges are processed in rounds of one chunk: while a
 * chunk is summed, those of the next round are in flight.
 *
 * - reduce_scatter: k(W-1) messages, k(W-1)/W*M bytes
 * - all_gather: W-1 messages, (W-1)/W*M bytes */
#include "common/base/error.h"
#include "worker/comm/internal.h"
#include <string.h>

enum { BATCH = 1 << 14 }; /* bytes summed through the whole tree at a time: they stay in L1 */

typedef struct node {
    rt_range slices;
    int rank;
    char *chunk; /* of the round being summed */
} node;

/* One inner node of the tree: the sum replaces the value of the left child. */
typedef struct sum {
    int left, right;
} sum;

typedef struct direct {
    rt_comm *c;
    const rt_range *owned; /* [W] */
    const rt_partial *parts;
    rt__sum *add;
    int64_t element; /* bytes */
    int64_t chunk;   /* elements in a round */
    int k;           /* partials of this rank ... */
    int first;       /* ... are nodes first .. first + k - 1 */
    int nodes_count; /* of all ranks, in order of slices */
    node *nodes;
    int sums_count;
    sum *sums;            /* [nodes_count - 1] children before parents */
    char *incoming;       /* [RT__DEPTH][nodes_count - k][RT_COMM_CHUNK] */
    rt_request *requests; /* [RT__DEPTH][per_round]: receives, then sends */
    int64_t per_round;
    int64_t receives[RT__DEPTH], sends[RT__DEPTH]; /* posted */
} direct;

/* Appends the sums of T[lo,hi) and returns the node that holds the result; *next is the first unused node. */
static int plan_tree(direct *d, int64_t lo, int64_t hi, int *next)
{
    const rt_range at = d->nodes[*next].slices;
    if (at.begin == lo && at.end == hi)
        return (*next)++;
    const int64_t middle = rt_tree_split(lo, hi);
    const int left = plan_tree(d, lo, middle, next);
    const int right = plan_tree(d, middle, hi, next);
    d->sums[d->sums_count++] = (sum){left, right};
    return left;
}

static rt_status plan(direct *d, const rt_reduce *r)
{
    const int world = d->c->world;
    const int64_t bound = (int64_t)world * RT_TREE_NODES_MAX;
    const size_t most = (size_t)(bound < r->slices ? bound : r->slices);
    d->nodes = rt__comm_scratch(d->c, RT__SCRATCH_NODES, most * sizeof *d->nodes);
    d->sums = rt__comm_scratch(d->c, RT__SCRATCH_SUMS, most * sizeof *d->sums);
    if (!d->nodes || !d->sums)
        return RT_E_NOMEM;
    for (int rank = 0; rank < world; rank++) {
        rt_range ranges[RT_TREE_NODES_MAX];
        const int k =
            rt_tree_nodes(r->slices, r->slice_begin[rank], r->slice_begin[rank + 1], ranges);
        if (rank == d->c->rank)
            d->first = d->nodes_count;
        for (int i = 0; i < k; i++)
            d->nodes[d->nodes_count++] = (node){.slices = ranges[i], .rank = rank};
    }
    int next = 0;
    plan_tree(d, 0, r->slices, &next);

    const size_t others = (size_t)(d->nodes_count - d->k);
    d->per_round = (int64_t)others + (int64_t)d->k * (world - 1);
    d->requests = rt__comm_scratch(d->c, RT__SCRATCH_REQUESTS,
                                   RT__DEPTH * (size_t)d->per_round * sizeof *d->requests);
    d->incoming = rt__comm_scratch(d->c, RT__SCRATCH_INCOMING, RT__DEPTH * others * RT_COMM_CHUNK);
    return d->requests && d->incoming ? RT_OK : RT_E_NOMEM;
}

/* Returns the elements of a rank's range that are processed in a round; may be empty. */
static rt_range in_round(const direct *d, int rank, int64_t round)
{
    const rt_range all = d->owned[rank];
    rt_range part = {all.begin + round * d->chunk, all.begin + (round + 1) * d->chunk};
    if (part.begin > all.end)
        part.begin = all.end;
    if (part.end > all.end)
        part.end = all.end;
    return part;
}

/* Returns the address of node i in a round: in this rank's own buffer, or where it is received. */
static char *chunk_of(const direct *d, int i, int64_t round)
{
    if (i >= d->first && i < d->first + d->k)
        return (char *)d->parts[i - d->first].data +
               in_round(d, d->c->rank, round).begin * d->element;
    const int64_t others = d->nodes_count - d->k;
    const int64_t other = i < d->first ? i : i - d->k;
    return d->incoming + (round % RT__DEPTH * others + other) * RT_COMM_CHUNK;
}

static rt_status post_round(direct *d, int64_t round)
{
    rt_comm *c = d->c;
    const int slot = (int)(round % RT__DEPTH);
    rt_request *next = d->requests + slot * d->per_round, *first = next;
    const rt_range mine = in_round(d, c->rank, round);
    for (int i = 0; mine.end > mine.begin && i < d->nodes_count; i++)
        if (d->nodes[i].rank != c->rank)
            RT_TRY(rt__comm_receive(c, next++, d->nodes[i].rank, chunk_of(d, i, round),
                                    (size_t)((mine.end - mine.begin) * d->element)));
    d->receives[slot] = next - first;

    for (int step = 1; step < c->world; step++) {
        const int to = (c->rank + step) % c->world;
        const rt_range theirs = in_round(d, to, round);
        for (int i = 0; theirs.end > theirs.begin && i < d->k; i++)
            RT_TRY(rt__comm_send(c, next++, to,
                                 (char *)d->parts[i].data + theirs.begin * d->element,
                                 (size_t)((theirs.end - theirs.begin) * d->element)));
    }
    d->sends[slot] = next - first - d->receives[slot];
    return RT_OK;
}

/* Computes all sums of the tree over the round's elements; the root goes to `out`. */
static void sum_round(direct *d, int64_t round, char *out)
{
    const rt_range mine = in_round(d, d->c->rank, round);
    const int64_t bytes = (mine.end - mine.begin) * d->element;
    out += mine.begin * d->element;
    for (int i = 0; i < d->nodes_count; i++)
        d->nodes[i].chunk = chunk_of(d, i, round);
    if (d->sums_count == 0 && bytes > 0)
        memmove(out, d->nodes[0].chunk, (size_t)bytes);
    for (int64_t at = 0; at < bytes; at += BATCH) {
        const int64_t n = bytes - at < BATCH ? bytes - at : BATCH;
        for (int i = 0; i < d->sums_count; i++) {
            char *left = d->nodes[d->sums[i].left].chunk + at;
            d->add(i + 1 < d->sums_count ? left : out + at, left,
                   d->nodes[d->sums[i].right].chunk + at, n / d->element);
        }
    }
}

static rt_status finish_round(direct *d, int64_t round, char *out)
{
    const int slot = (int)(round % RT__DEPTH);
    rt_request *first = d->requests + slot * d->per_round;
    RT_TRY(rt__comm_wait_all(d->c, first, d->receives[slot]));
    sum_round(d, round, out);
    return rt__comm_wait_all(d->c, first + d->receives[slot], d->sends[slot]);
}

static rt_status reduce_scatter(rt_comm *c, const rt_reduce *r, const rt_partial *parts, int k,
                                const rt_buf *out)
{
    const int64_t element = (int64_t)rt_dtype_size(out->dtype);
    direct d = {.c = c,
                .owned = r->owned,
                .parts = parts,
                .add = rt__comm_sum_of(out->dtype),
                .element = element,
                .chunk = RT_COMM_CHUNK / element,
                .k = k};
    RT_TRY(plan(&d, r));
    int64_t rounds = 0;
    for (int rank = 0; rank < c->world; rank++) {
        const int64_t count = r->owned[rank].end - r->owned[rank].begin;
        const int64_t needs = (count + d.chunk - 1) / d.chunk;
        rounds = needs > rounds ? needs : rounds;
    }
    for (int64_t round = 0; round < rounds + RT__DEPTH - 1; round++) {
        if (round < rounds)
            RT_TRY(post_round(&d, round));
        if (round >= RT__DEPTH - 1)
            RT_TRY(finish_round(&d, round - (RT__DEPTH - 1), out->data));
    }
    return RT_OK;
}

/* In step s every rank sends its range to the rank s above it and receives from the rank s below it, so no two send to
 * the same rank at once. */
static rt_status all_gather(rt_comm *c, char *buf, const rt_range *owned, size_t element)
{
    const rt_range mine = owned[c->rank];
    for (int step = 1; step < c->world; step++) {
        const int to = (c->rank + step) % c->world;
        const int from = (c->rank - step + c->world) % c->world;
        const rt__exchange x = {
            .to = to,
            .send = buf + (size_t)mine.begin * element,
            .send_bytes = (size_t)(mine.end - mine.begin) * element,
            .from = from,
            .receive = buf + (size_t)owned[from].begin * element,
            .receive_bytes = (size_t)(owned[from].end - owned[from].begin) * element,
        };
        RT_TRY(rt__comm_exchange(c, &x));
    }
    return RT_OK;
}

static bool can_reduce(const rt_comm *c, const rt_reduce *r)
{
    (void)c, (void)r;
    return true;
}

static bool can_gather(const rt_comm *c, const rt_range *owned)
{
    (void)c, (void)owned;
    return true;
}

const rt__algorithm rt__comm_direct = {
    .name = "direct",
    .can_reduce = can_reduce,
    .reduce_scatter = reduce_scatter,
    .can_gather = can_gather,
    .all_gather = all_gather,
};
