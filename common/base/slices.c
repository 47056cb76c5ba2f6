/* Slices, the reduction tree over them, and ownership of blocks, in integer arithmetic only. */
#include "common/base/slices.h"

#include "common/base/error.h"

bool rt_is_power_of_two(int64_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

/* Returns the largest power of two <= n, n >= 1. */
static int64_t power_of_two_below(int64_t n)
{
    return (int64_t)1 << (63 - __builtin_clzll((unsigned long long)n));
}

int64_t rt_slices_auto(int world)
{
    return world <= 1 ? 1 : 2 * power_of_two_below(world - 1);
}

int64_t rt_tree_split(int64_t lo, int64_t hi)
{
    RT_ASSERT(hi - lo >= 2);
    return lo + power_of_two_below(hi - lo - 1);
}

/* Adds the maximal nodes of T[node) inside [begin,end) to nodes[count...]; returns the new count.
 */
static int collect(rt_range node, int64_t begin, int64_t end, rt_range *nodes, int count)
{
    if (node.end <= begin || end <= node.begin)
        return count;
    if (begin <= node.begin && node.end <= end) {
        RT_ASSERT(count < RT_TREE_NODES_MAX);
        nodes[count] = node;
        return count + 1;
    }
    int64_t m = rt_tree_split(node.begin, node.end);
    count = collect((rt_range){node.begin, m}, begin, end, nodes, count);
    return collect((rt_range){m, node.end}, begin, end, nodes, count);
}

int rt_tree_nodes(int64_t slices, int64_t begin, int64_t end, rt_range nodes[RT_TREE_NODES_MAX])
{
    RT_ASSERT(0 < slices && slices <= RT_SLICES_MAX && 0 <= begin && end <= slices);
    return begin < end ? collect((rt_range){0, slices}, begin, end, nodes, 0) : 0;
}

/* Returns whether these are the two halves of a node of T[0,slices). */
static bool are_siblings(int64_t slices, rt_range low, rt_range high)
{
    rt_range node[RT_TREE_NODES_MAX];
    return rt_tree_split(low.begin, high.end) == low.end &&
           rt_tree_nodes(slices, low.begin, high.end, node) == 1;
}

int rt_tree_push(int64_t slices, rt_range *node, int nodes, int64_t slice,
                 void (*add)(void *ctx, int low), void *ctx)
{
    RT_ASSERT(nodes < RT_TREE_NODES_MAX && (nodes == 0 || node[nodes - 1].end == slice));
    node[nodes++] = (rt_range){slice, slice + 1};
    for (; nodes >= 2 && are_siblings(slices, node[nodes - 2], node[nodes - 1]); nodes--) {
        add(ctx, nodes - 2);
        node[nodes - 2].end = node[nodes - 1].end;
    }
    return nodes;
}

/* Returns floor(total * k / parts), for k <= parts < 2^31. Cannot overflow: with total = q * parts + r it is q * k +
 * floor(r * k / parts). */
static int64_t border(int64_t total, int64_t parts, int64_t k)
{
    return total / parts * k + total % parts * k / parts;
}

/* Returns part k of [0,total) cut into `parts` nearly equal parts. */
static rt_range part(int64_t total, int64_t parts, int64_t k)
{
    return (rt_range){border(total, parts, k), border(total, parts, k + 1)};
}

rt_range rt_slice_samples(int64_t batch, int64_t slices, int64_t s)
{
    RT_ASSERT(0 <= s && s < slices && slices <= batch);
    return part(batch, slices, s);
}

rt_range rt_slices_of_rank(int64_t slices, int world, int rank)
{
    RT_ASSERT(1 <= world && world <= slices && 0 <= rank && rank < world);
    return part(slices, world, rank);
}

/* Returns the rank with its bits in reverse order, for `world` a power of two. */
static int64_t bits_reversed(int rank, int world)
{
    int64_t reversed = 0;
    for (int bit = 1; bit < world; bit *= 2)
        reversed = 2 * reversed + ((rank & bit) != 0);
    return reversed;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t rt_block_count(int64_t count)
{
    return count / RT_BLOCK + (count % RT_BLOCK != 0);
}

rt_range rt_blocks_of_rank(int64_t blocks, int world, int rank)
{
    RT_ASSERT(0 <= blocks && 1 <= world && 0 <= rank && rank < world);
    int64_t place = rt_is_power_of_two(world) ? bits_reversed(rank, world) : rank;
    return part(blocks, world, place);
}

rt_range rt_elements_of_blocks(int64_t count, rt_range blocks)
{
    return (rt_range){min64(blocks.begin * RT_BLOCK, count), min64(blocks.end * RT_BLOCK, count)};
}

rt_range rt_owned_by_rank(int64_t count, int world, int rank)
{
    RT_ASSERT(0 <= count);
    return rt_elements_of_blocks(count, rt_blocks_of_rank(rt_block_count(count), world, rank));
}
