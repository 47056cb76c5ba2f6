/* Who does what in a generation: slices of a step and elements of the flat buffers, by rank.
 *
 *     rt__shard s;
 *     RT_TRY(rt__shard_init(&s, plan.world, rank, plan.slices, plan.slice_begin, flat->length));
 *     RT_TRY(rt__shard_sums(&s, run));
 *     compute(s.slices);  update(s.owned[s.rank]);
 *     rt__shard_release(&s);
 */
#ifndef RINGTORCH_WORKER_SHARD_H
#define RINGTORCH_WORKER_SHARD_H

#include "common/slices.h"
#include "worker/engine/train/run.h"

typedef struct rt__shard {
    int rank, world;
    int64_t slice_count;  /* S */
    rt_range slices;      /* mine */
    int64_t *slice_begin; /* [world+1]; rank r has slices [slice_begin[r], slice_begin[r+1]) */
    rt_range *owned;      /* [world] elements of the flat buffers, tail included: whole blocks */
    rt_range *sums;       /* [world] the same as places in what rt_run_sums gives: the blocks of the
                             parameters, then loss and weight */
    int rounds;           /* of measurements before an update */
    rt_range **measured;  /* [rounds][world] the same as places in what rt_optim_measures gives */
} rt__shard;

/* slice_begin: [world+1], copied. length: elements of a flat buffer, the tail included. Fails with PROTOCOL if the slices do not tile [0, slices). */
rt_status rt__shard_init(rt__shard *s, int world, int rank, int64_t slices,
                         const int64_t *slice_begin, int64_t length);
/* Fills in where the sums and measurements of each rank are. */
rt_status rt__shard_sums(rt__shard *s, const rt_run *run);
/* Returns which of the sums the owner of a range of whole blocks has. */
rt_range rt__sums_of(const rt_flat *flat, rt_range owned);
void rt__shard_release(rt__shard *s);

#endif
