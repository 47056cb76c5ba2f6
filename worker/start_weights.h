/* Weights from elsewhere that a run starts from: model.init.
 *
 *     char sha[65];
 *     RT_TRY(rt__start_weights(run, comm, rank, world, cfg, plan->init_sha256, sha));
 *
 * Rank 0 reads them and sends them to all others, so that one file, seen by one host, is enough and all ranks begin with
 * the same bits. */
#ifndef RINGTORCH_WORKER_START_WEIGHTS_H
#define RINGTORCH_WORKER_START_WEIGHTS_H

#include "worker/commthread.h"
#include "worker/engine/train/run.h"

/* Loads the parameters of a checkpoint, of the newest good one of a run directory, or of a safetensors file; of another
 * optimiser, number of slices or world size, too. MISMATCH lists everything that does not fit the net. partial: leaves that as it is, if
 * something fits. */
rt_status rt__weights_load(rt_run *run, const char *path, bool partial);

/* The same on all ranks; collective. Writes the SHA-256 of what was loaded. MISMATCH if `expected` is not "" and they
 * are other weights. comm may be NULL in a world of one. */
rt_status rt__start_weights(rt_run *run, rt__commthread *comm, int rank, int world,
                            const rt_config *cfg, const char *expected, char sha256[65]);

#endif
