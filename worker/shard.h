/* How the work of a generation is divided: the slices of a step and the elements of the flat buffers that each rank
 * has.
 *
 *     rt__shard s;
 *     RT_TRY(rt__shard_init(&s, &plan, world, rank, flat->length));
 *     RT_TRY(rt__shard_sums(&s, run));
 *     compute(s.slices);  update(s.owned[s.rank]);
 *     rt__shard_release(&s);
 */
#ifndef RINGTORCH_WORKER_SHARD_H
#define RINGTORCH_WORKER_SHARD_H

#include "common/control/messages.h"
#include "worker/commthread.h"
#include "worker/engine/train/run.h"
#include "worker/parallel/mesh.h"

typedef struct rt__shard {
    rt_mesh *mesh;        /* owned */
    int data;             /* the axis along which slices are dealt out */
    int rank, world;      /* place and size on that axis */
    int64_t slice_count;  /* S */
    rt_range slices;      /* of this rank */
    int64_t *slice_begin; /* [world+1]; rank r has slices [slice_begin[r], slice_begin[r+1]) */
    rt_range *owned;      /* [world] elements of the flat buffers, tail included: whole blocks */
    rt_range *sums; /* [world] the same as places in the result of rt_run_sums: the blocks of the
                             parameters, then loss and weight */
    int rounds;     /* of measurements before an update */
    rt_range **measured; /* [rounds][world] the same as places in the result of rt_optim_measures */
} rt__shard;

/* Copies what it needs from the plan. `length` is the number of elements of a flat buffer, tail included. Fails with
 * PROTOCOL, naming rank or axis, if slices, axes or owners do not fit this world and these buffers; with UNSUPPORTED
 * for a second axis with more than one place. */
rt_status rt__shard_init(rt__shard *s, const rt_msg_plan *plan, int world, int rank,
                         int64_t length);
/* Makes the communicators of the mesh. Collective. Afterwards the shard must be released before `comm` is ended. */
rt_status rt__shard_connect(rt__shard *s, rt__commthread *comm);
/* Fills in the places of each rank's sums and measurements. */
rt_status rt__shard_sums(rt__shard *s, const rt_run *run);
/* Returns the range of sums that the owner of a range of whole blocks has. */
rt_range rt__sums_of(const rt_flat *flat, rt_range owned);
void rt__shard_release(rt__shard *s);

#endif
