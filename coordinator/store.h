/* Checkpoints on disk: committing, verifying, finding the newest, removing old ones.
 *
 *     rt_manifest facts = {.run = id, .step = 500, .slices = 4, ...};
 *     char *path;
 *     RT_TRY(rt__store_commit("runs/x/checkpoints", &facts, generation, checkpoint, &path));
 *
 * What manifest.json holds is told in common/manifest.h. A checkpoint directory is complete or does
 * not exist under its final name: renaming .step-00000500.g3.tmp to step-00000500 is the commit. The
 * generation in the temporary name keeps workers of an older one, cut off but alive, out of it. */
#ifndef RINGTORCH_COORDINATOR_STORE_H
#define RINGTORCH_COORDINATOR_STORE_H

#include "common/file.h"
#include "common/saved.h"
#include "coordinator/checkpoints.h"

/* Writes the manifest of a complete checkpoint into its temporary directory, makes it durable and
 * renames it. *path: the checkpoint's directory (rt_malloc). Fails, with nothing under the final
 * name changed, if a piece is not there with the reported length or the disk is full. */
rt_status rt__store_commit(const char *root, const rt_manifest *facts, int64_t generation,
                           const rt__checkpoint *c, char **path);
/* Removes the temporary directory of a step that a generation wrote. */
rt_status rt__store_discard(const char *root, int64_t step, int64_t generation);
/* Removes what crashed runs left: every name in root that starts with ".step-". A missing root is
 * fine. */
rt_status rt__store_tidy(const char *root);

/* Checks all that loading a checkpoint would (common/saved.h), and reads its manifest. */
rt_status rt__store_verify(const char *dir, const rt_watch *watch, rt_manifest *out);

/* How checkpoints are looked at. */
typedef struct rt__store_look {
    void (*report)(void *ctx, const char *reason); /* is told of each that does not verify */
    void *ctx;
    const rt_watch *watch; /* follows the reading; NULL: nobody does */
} rt__store_look;
/* Finds the newest checkpoint in root, of a step up to `most`, that verifies; *path is NULL if root holds no such
 * checkpoints at all. CORRUPT if there are some and none verifies; INTERRUPTED if the watch ended it. Release *out if
 * *path is not NULL. */
rt_status rt__store_newest(const char *root, int64_t most, const rt__store_look *look, char **path,
                           rt_manifest *out);

/* Makes <root>/best point to the first of these steps that has a checkpoint, and gives its step; -1, and no link, if none
 * has. */
rt_status rt__store_mark_best(const char *root, const int64_t *steps, int64_t count, int64_t *best);

/* Removes the oldest checkpoints beyond `keep`, but not that of step `best` (-1: none), unless none of those that stay
 * verifies. */
rt_status rt__store_prune(const char *root, int64_t keep, int64_t best, const rt__store_look *look);

#endif
