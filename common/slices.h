/* Slices: how one step's work is cut, combined and owned. Integers only; the whole of exactness
 * rests here.
 *
 *     rt_range mine = rt_slices_of_rank(S, W, rank);           // [a, b) slices, dealt out evenly
 *     int k = rt_tree_nodes(S, mine.begin, mine.end, nodes);   // nodes of T[0,S) inside [a, b)
 *     rt_range batch = rt_slice_samples(B, S, s);              // samples of slice s in the batch
 *
 * The sum over S slices is the binary tree T[lo,hi) = T[lo,m) + T[m,hi), T[s,s+1) = slice s, with m
 * - lo the largest power of two < hi - lo. All additions are float32 in that order, whoever makes
 * them. */
#ifndef RINGTORCH_COMMON_SLICES_H
#define RINGTORCH_COMMON_SLICES_H

#include <stdbool.h>
#include <stdint.h>
#include <ringtorch/status.h>

enum {
    RT_BLOCK = 65536,       /* elements in an ownership block of a flat buffer */
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

/* Returns the samples [begin,end) of slice s within a global batch: floor(s*batch/slices) and so
 * on, so any batch >= slices works and equal slices come out equal. */
rt_range rt_slice_samples(int64_t batch, int64_t slices, int64_t s);

/* Returns the slices of a rank: contiguous, none empty, as equal as can be (needs 1 <= world <=
 * slices). With both powers of two each rank has exactly one node; otherwise balance wins over
 * alignment, because a slice costs more than sending one more partial sum. */
rt_range rt_slices_of_rank(int64_t slices, int world, int rank);

/* Returns the elements of a flat buffer of `count` elements that a rank owns: whole blocks,
 * contiguous. With world a power of two, ranges lie in bit-reversed rank order, which is what
 * recursive halving leaves behind and direct exchange does not mind. May be empty when there are
 * fewer blocks than ranks. */
rt_range rt_owned_by_rank(int64_t count, int world, int rank);

/* Returns true for 1, 2, 4, ... */
bool rt_is_power_of_two(int64_t n);

/* Returns the smallest power of two >= n: the least that `slices: auto` comes to for a first world size n. */
int64_t rt_slices_auto(int world);

#endif
