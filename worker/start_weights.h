/* Loads the weights that a run starts from (model.init).
 *
 *     char sha[65];
 *     RT_TRY(rt__start_weights(run, comm, rank, world, cfg, plan->init_sha256, sha));
 *
 * Rank 0 reads them and sends them to all others. So it is enough if one host can see the file, and all ranks begin
 * with the same bits. */
#ifndef RINGTORCH_WORKER_START_WEIGHTS_H
#define RINGTORCH_WORKER_START_WEIGHTS_H

#include "worker/commthread.h"
#include "worker/engine/train/run.h"

/* Loads the parameters of a checkpoint, of the newest valid checkpoint of a run directory, or of a safetensors file;
 * optimiser, number of slices and world size may differ. Fails with MISMATCH, listing everything that does not fit the
 * net. If `partial`, whatever does not fit keeps its values; at least one parameter must fit. */
rt_status rt__weights_load(rt_run *run, const char *path, bool partial);

/* Does the same on all ranks; collective. Writes the SHA-256 of the loaded weights. Fails with MISMATCH if `expected`
 * is neither "" nor that SHA-256. `comm` may be NULL in a world of one. */
rt_status rt__start_weights(rt_run *run, rt__commthread *comm, int rank, int world,
                            const rt_config *cfg, const char *expected, char sha256[65]);

#endif
