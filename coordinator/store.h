/* Checkpoints on disk: committing, verifying, finding the newest, removing old ones.
 *
 *     rt__manifest facts = {.run = id, .step = 500, .slices = 4, ...};
 *     char *path;
 *     RT_TRY(rt__store_commit("runs/x/checkpoints", &facts, checkpoint, &path));
 *     rt__manifest m;
 *     RT_TRY(rt__store_verify(path, &m));      // every byte is looked at
 *     rt__manifest_release(&m);
 *
 * What manifest.json holds is told in common/manifest.h. A checkpoint directory is complete or does
 * not exist under its final name: renaming .step-00000500.g3.tmp to step-00000500 is the commit. The
 * generation in the temporary name keeps workers of an older one, cut off but alive, out of it. */
#ifndef RINGTORCH_COORDINATOR_STORE_H
#define RINGTORCH_COORDINATOR_STORE_H

#include "common/file.h"
#include "common/json.h"
#include "coordinator/checkpoints.h"

/* What a manifest says of its checkpoint. Strings are owned by the object `json` if it was read,
 * borrowed if it is to be written. */
typedef struct rt__manifest {
    int64_t step, slices, seed, world, parameters, samples;
    int64_t generation; /* that wrote it; not in the file */
    const char *run, *config_hash, *layout_hash, *config;
    json_t *layout;
    json_t *json;
} rt__manifest;
void rt__manifest_release(rt__manifest *m);

/* Writes the manifest of a complete checkpoint into its temporary directory, makes it durable and
 * renames it. *path: the checkpoint's directory (rt_malloc). Fails, with nothing under the final
 * name changed, if a piece is not there with the reported length or the disk is full. */
rt_status rt__store_commit(const char *root, const rt__manifest *facts, const rt__checkpoint *c,
                           char **path);
/* Removes the temporary directory of a step that a generation wrote. */
rt_status rt__store_discard(const char *root, int64_t step, int64_t generation);
/* Removes what crashed runs left: every name in root that starts with ".step-". A missing root is
 * fine. */
rt_status rt__store_tidy(const char *root);

/* Reads the manifest and checks that every piece is there, of the right length and unaltered.
 * NOTFOUND, CORRUPT or MISMATCH (another format version) name the file at fault. */
rt_status rt__store_verify(const char *dir, rt__manifest *out);

/* Is told of each checkpoint that does not verify. */
typedef void rt__store_report(void *ctx, const char *reason);
/* Finds the newest checkpoint in root, of a step up to `most`, that verifies; *path is NULL if root holds no such
 * checkpoints at all. CORRUPT if there are some and none verifies. Release *out if *path is not NULL. */
rt_status rt__store_newest(const char *root, int64_t most, rt__store_report *report, void *ctx,
                           char **path, rt__manifest *out);

/* Removes the oldest checkpoints beyond `keep`, unless none of those that stay verifies. */
rt_status rt__store_prune(const char *root, int64_t keep, rt__store_report *report, void *ctx);

#endif
