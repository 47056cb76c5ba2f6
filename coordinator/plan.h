/* What a generation is to do: slices per rank, first and last step, from which state. Pure.
 *
 *     int64_t end; RT_TRY(rt_config_steps(&cfg, roster.samples, &end));
 *     rt__plan plan;
 *     RT_TRY(rt__plan_make(&cfg, &source, &roster, end, &plan));
 *     ... send plan.message to every rank ...
 *     rt__plan_release(&plan);
 */
#ifndef RINGTORCH_COORDINATOR_PLAN_H
#define RINGTORCH_COORDINATOR_PLAN_H

#include "common/config.h"
#include "common/messages.h"
#include "coordinator/members.h"

/* The state a generation starts from: a checkpoint (path), a snapshot (pieces), or else fresh weights at step 0. */
typedef struct rt__source {
    int64_t step;
    char *path;           /* checkpoint directory; owned */
    char layout_hash[65]; /* of a checkpoint */
    int64_t parameters;
    int64_t samples; /* of the training set that it was made with; 0: not known */
    int64_t *pieces; /* of a snapshot: [piece_numbers] as in PLAN; owned */
    int64_t piece_numbers;
    bool exact; /* asked for by the user: nothing newer is wanted */
    int64_t
        cosine_before; /* steps of the cosine that it was made with, if this run's are others; 0: they are not */
} rt__source;
/* Returns the path, "snapshot" or "fresh". */
const char *rt__source_name(const rt__source *s);
void rt__source_release(rt__source *s);

/* A PLAN and what its pointers point to. */
typedef struct rt__plan {
    rt_msg_plan message;  /* its checkpoint and pieces are the source's */
    int64_t *slice_begin; /* [world + 1] */
    char *best;           /* what the caller lets message.best point to; NULL: nothing */
    char hash[65];
} rt__plan;

/* CONFIG, naming the checkpoint, if it is past the last step of the run. */
rt_status rt__plan_check_step(const rt__source *source, int64_t end_step);

/* Fills a PLAN; parallel.slices must be resolved. init_sha256: borrowed, see messages.def. MISMATCH if the checkpoint's parameters are not
 * laid out as the workers', or the training set has another number of samples than the one it was made with; CONFIG if the checkpoint is past the end of the run. Release it before
 * source, and do not copy it. The hash is the SHA-256 of all that must be equal on every rank, with
 * instruction set and BLAS. */
rt_status rt__plan_make(const rt_config *cfg, const rt__source *source, const rt__roster *roster,
                        int64_t end_step, const char *init_sha256, rt__plan *out);
void rt__plan_release(rt__plan *p);

#endif
