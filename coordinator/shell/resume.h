/* Decides where a run starts: fresh, or from a checkpoint of the same mathematics.
 *
 *     rt__resume how = {.mode = "auto", .root = "runs/x/checkpoints", .prior_config = yaml};
 *     rt__source source;
 *     RT_TRY(rt__resume_find(&how, &found));           // reads a checkpoint: may take minutes
 *     RT_TRY(rt__resume_settle(&how, &found, &cfg, &source));   // also settles slices and seed in cfg
 *     RT_TRY(rt__resume_after_loss(&how, hash, INT64_MAX, &source));   // after a lost worker
 */
#ifndef RINGTORCH_COORDINATOR_SHELL_RESUME_H
#define RINGTORCH_COORDINATOR_SHELL_RESUME_H

#include "common/config/config.h"
#include "coordinator/machine/plan.h"
#include "coordinator/shell/store.h"

typedef struct rt__resume {
    const char *mode;         /* "never", "auto", or the path of a checkpoint or a run directory */
    const char *root;         /* the directory of this run's checkpoints */
    const char *prior_config; /* YAML of the run that this directory holds; NULL: none */
    const char *init;         /* model.init of a new run; NULL: the run is not new */
    rt__store_verifier verifier; /* how checkpoints are read */
} rt__resume;

/* A checkpoint to start from, and what its manifest says. */
typedef struct rt__found {
    char *path; /* NULL: none */
    rt_manifest manifest;
    char *init; /* if model.init names a run directory, the checkpoint chosen from it; else NULL */
    /* of the data that the checkpoint or those weights were trained on; NULL: not recorded, or none */
    char *preprocessing;
} rt__found;
void rt__found_release(rt__found *f);

/* Finds the checkpoint that how->mode asks for or, if it asks for none, the one for model.init. NOTFOUND or CORRUPT if no
 * checkpoint can be used; INTERRUPTED if the watch cancelled the search. */
rt_status rt__resume_find(const rt__resume *how, rt__found *out);

/* Takes over `found` and settles in cfg: `slices: auto` (from the checkpoint or the run in this directory, else from the
 * number of workers), a seed left at its default, the checkpoint that stands for a run directory in model.init, and
 * `schedule.steps: auto` if the run's length has changed since it began. MISMATCH names the keys that differ from those
 * the checkpoint was made with. */
rt_status rt__resume_settle(const rt__resume *how, rt__found *found, rt_config *cfg,
                            rt__source *out);

/* Finds the newest state up to step `most` from which a failed generation can be replaced: this run's newest checkpoint
 * that verifies, else the one the run started from, else step 0. */
rt_status rt__resume_after_loss(const rt__resume *how, const char *config_hash, int64_t most,
                                rt__source *out);

/* Makes cfg continue from `base`, which was trained for `task` (NULL: not known): settles slices and seed as above. If one of
 * the two names a task and the other leaves it to `auto`, both count as the same. MISMATCH names `name` and every key marked MATH
 * in config.def that differs, with both values. */
rt_status rt__resume_adopt(rt_config *cfg, const rt_config *base, const char *task,
                           const char *name);

#endif
