/* Slices: how one step's work is cut, combined and owned. Integers only; the exactness of all results rests on this
 * file.
 *
 *     rt_range mine = rt_slices_of_rank(S, W, rank);           // [a, b) slices, dealt out evenly
 *     int k = rt_tree_nodes(S, mine.begin, mine.end, nodes);   // nodes of T[0,S) inside [a, b)
 *     rt_range batch = rt_slice_samples(B, S, s);              // samples of slice s in the batch
 *
 * The sum over S slices is the binary tree T[lo,hi) = T[lo,m) + T[m,hi), T[s,s+1) = slice s, with m
 * - lo the largest power of two < hi - lo. All additions are float32 in that order, on whichever rank they happen. */
#ifndef RINGTORCH_COMMON_BASE_SLICES_H
#define RINGTORCH_COMMON_BASE_SLICES_H

#include <ringtorch/status.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    RT_BLOCK = 65536,       /* elements in an ownership block of a flat buffer */
    RT_BLOCK_SCALARS = 16,  /* elements behind the state in a flat buffer, in the last blocks;
                               RT_FLAT_SCALARS of ringtorch/optim.h for code without the engine */
    RT_SLICES_MAX = 65536,  /* most slices a step may have */
    RT_TREE_NODES_MAX = 34, /* most canonical nodes of any range: 2*log2(RT_SLICES_MAX) + 2 */
};

typedef struct rt_range {
    int64_t begin, end; /* [begin, end) */
} rt_range;

/* Returns the split point m of T[lo,hi); needs hi - lo >= 2. */
int64_t rt_tree_split(int64_t lo, int64_t hi);

/* Writes the maximal nodes of T[0,slices) that lie inside [begin,end), in order; returns how many.
 */
int rt_tree_nodes(int64_t slices, int64_t begin, int64_t end, rt_range nodes[RT_TREE_NODES_MAX]);

/* Adds a slice behind the nodes of the slices before it: the nodes of [begin,slice) become those of [begin,slice+1), like
 * carrying in a binary counter. For each two that are the halves of a node, `add` must add the sum of node[low + 1] to
 * that of node[low], which then is the sum of the whole. Returns the new number of nodes.
 *
 * Meanwhile there are at most 2*ceil(log2(slices)) + 1 nodes: a range has at most two on each level of the tree below the
 * root, and the new slice is one more. */
int rt_tree_push(int64_t slices, rt_range *node, int nodes, int64_t slice,
                 void (*add)(void *ctx, int low), void *ctx);

/* Returns the samples [begin,end) of slice s within a global batch: floor(s*batch/slices) and so
 * on, so any batch >= slices works and equal slices come out equal. */
rt_range rt_slice_samples(int64_t batch, int64_t slices, int64_t s);

/* Returns the slices of a rank: contiguous, never empty, as even as possible (needs 1 <= world <= slices). If both are
 * powers of two, each rank has exactly one node; otherwise balance wins over alignment, because a slice costs more than
 * sending one more partial sum. */
rt_range rt_slices_of_rank(int64_t slices, int world, int rank);

/* Returns how many blocks `count` elements take; the last one may be short. */
int64_t rt_block_count(int64_t count);

/* Returns which of so many blocks a rank owns. If world is a power of two, the ranges are in bit-reversed rank order,
 * because that is how recursive halving leaves them; direct exchange works in any order. The range may be empty if
 * there are fewer blocks than ranks. */
rt_range rt_blocks_of_rank(int64_t blocks, int world, int rank);

/* Returns the elements of a flat buffer of `count` elements that lie in the blocks of a range. */
rt_range rt_elements_of_blocks(int64_t count, rt_range blocks);

/* Returns the elements of a flat buffer of `count` elements that a rank owns: those of its blocks. */
rt_range rt_owned_by_rank(int64_t count, int world, int rank);

/* Returns true for 1, 2, 4, ... */
bool rt_is_power_of_two(int64_t n);

/* Returns the smallest power of two >= world: the least that `slices: auto` can be for this first world size. */
int64_t rt_slices_auto(int world);

#endif
