/* Checkpoints on disk: committing, verifying, finding the newest, removing old ones.
 *
 *     rt_manifest facts = {.run = id, .step = 500, .slices = 4, ...};
 *     char *path;
 *     RT_TRY(rt__store_commit("runs/x/checkpoints", &facts, generation, checkpoint, &path));
 *
 * common/state/manifest.h describes manifest.json. A checkpoint directory is complete or does not exist under its final
 * name: renaming .step-00000500.g3.tmp to step-00000500 is the commit. The generation in the temporary name keeps workers
 * of an older generation, cut off but still alive, from writing into it. */
#ifndef RINGTORCH_COORDINATOR_SHELL_STORE_H
#define RINGTORCH_COORDINATOR_SHELL_STORE_H

#include "common/base/file.h"
#include "common/state/saved.h"
#include "coordinator/machine/checkpoints.h"

/* Writes the manifest of a complete checkpoint into its temporary directory, makes the directory durable and renames it.
 * *path: the checkpoint's directory (rt_malloc). Fails, with nothing under the final name changed, if a piece is missing
 * or does not have the reported length, or if the disk is full. */
rt_status rt__store_commit(const char *root, const rt_manifest *facts, int64_t generation,
                           const rt__checkpoint *c, char **path);
/* Removes the temporary directory that a generation wrote for a step. */
rt_status rt__store_discard(const char *root, int64_t step, int64_t generation);
/* Removes what crashed runs left: every name in root that starts with ".step-". `root` may be missing. */
rt_status rt__store_tidy(const char *root);

/* Checks all that loading the checkpoint would check (common/state/saved.h), and reads its manifest. */
rt_status rt__store_verify(const char *dir, const rt_watch *watch, rt_manifest *out);

/* How checkpoints are read. */
typedef struct rt__store_verifier {
    void (*report)(void *ctx, const char *reason); /* called for each that does not verify */
    void *ctx;
    const rt_watch *watch; /* follows the reading; may be NULL */
} rt__store_verifier;
/* Finds the newest checkpoint in root, up to step `most`, that verifies; *path is NULL if root holds none up to that step.
 * CORRUPT if there are some and none verifies; INTERRUPTED if the watch cancelled the search. If *path is not NULL, the
 * caller must release *out. */
rt_status rt__store_newest(const char *root, int64_t most, const rt__store_verifier *verifier,
                           char **path, rt_manifest *out);

/* Makes <root>/best point to the first of these steps that has a checkpoint, and writes that step. If none has, removes
 * the link and writes -1. */
rt_status rt__store_mark_best(const char *root, const int64_t *steps, int64_t count, int64_t *best);

/* Removes the oldest checkpoints beyond `keep`, except that of step `best` (-1: none). Removes nothing unless one of the
 * `keep` newest verifies. */
rt_status rt__store_prune(const char *root, int64_t keep, int64_t best,
                          const rt__store_verifier *verifier);

#endif
