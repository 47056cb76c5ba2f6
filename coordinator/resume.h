/* Where a run starts: fresh, or from a checkpoint of the same mathematics.
 *
 *     rt__resume how = {.mode = "auto", .root = "runs/x/checkpoints", .prior_config = yaml};
 *     rt__source source;
 *     RT_TRY(rt__resume_find(&how, &found));           // reads a checkpoint: may take minutes
 *     RT_TRY(rt__resume_settle(&how, &found, &cfg, &source));   // also settles slices and seed in cfg
 *     RT_TRY(rt__resume_again(&how, hash, INT64_MAX, &source));   // after a lost worker
 */
#ifndef RINGTORCH_COORDINATOR_RESUME_H
#define RINGTORCH_COORDINATOR_RESUME_H

#include "common/config.h"
#include "coordinator/plan.h"
#include "coordinator/store.h"

typedef struct rt__resume {
    const char *mode;         /* "never", "auto", or the path of a checkpoint or a run directory */
    const char *root;         /* where this run's checkpoints are */
    const char *prior_config; /* YAML of the run that this directory holds; NULL: none */
    const char *init;         /* model.init of a run that begins; NULL: it does not */
    rt__store_look look;      /* how checkpoints are looked at */
} rt__resume;

/* A checkpoint to start from, and what its manifest says. */
typedef struct rt__found {
    char *path; /* NULL: none */
    rt_manifest manifest;
    char *init; /* the checkpoint that a run named by model.init stands for; NULL: it names none */
} rt__found;
void rt__found_release(rt__found *f);

/* Finds the checkpoint that how->mode asks for, or if it asks for none, the one for model.init. NOTFOUND, CORRUPT:
 * there is none that can be used; INTERRUPTED: the watch ended it. */
rt_status rt__resume_find(const rt__resume *how, rt__found *out);

/* Takes over what was found and settles `slices: auto` (from the checkpoint or the run that is there, else from the
 * number of workers), a seed left at its default, which checkpoint a run named by model.init stands for, and
 * `schedule.steps: auto` if the run is not as long as it was begun. MISMATCH names the keys that differ from what the
 * checkpoint was made with. */
rt_status rt__resume_settle(const rt__resume *how, rt__found *found, rt_config *cfg,
                            rt__source *out);

/* Finds the newest state of a step up to `most` a failed generation can be replaced from: this run's newest checkpoint
 * that verifies, else where the run started from, else step 0. */
rt_status rt__resume_again(const rt__resume *how, const char *config_hash, int64_t most,
                           rt__source *out);

/* Makes cfg go on from `base`: settles slices and seed as above. MISMATCH, naming `name` and every
 * key marked MATH in config.def that differs with both values. */
rt_status rt__resume_adopt(rt_config *cfg, const rt_config *base, const char *name);

#endif
