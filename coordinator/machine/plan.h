/* The plan of a generation: the mesh of ranks, the slices and blocks of each, first and last step, the state to start from. Pure.
 *
 *     int64_t end; RT_TRY(rt_config_steps(&cfg, roster.samples, &end));
 *     rt__plan plan;
 *     RT_TRY(rt__plan_make(&cfg, &source, &roster, end, &plan));
 *     ... send plan.message to every rank ...
 *     rt__plan_release(&plan);
 */
#ifndef RINGTORCH_COORDINATOR_MACHINE_PLAN_H
#define RINGTORCH_COORDINATOR_MACHINE_PLAN_H

#include "common/config/config.h"
#include "common/control/messages.h"
#include "coordinator/machine/members.h"

/* The state a generation starts from: a checkpoint (path), a snapshot (pieces), or else fresh weights at step 0. */
typedef struct rt__source {
    int64_t step;
    char *path;           /* checkpoint directory; owned */
    char layout_hash[65]; /* of a checkpoint */
    int64_t parameters;
    int64_t samples;      /* of the training set that it was made with; 0: not known */
    json_t *data;         /* identity of the data that it was made with; owned, NULL: not known */
    int64_t made;         /* newest step known to be made with these data, if later than `step` */
    rt_msg_piece *pieces; /* of a snapshot: [piece_count] as in PLAN; owned */
    int64_t piece_count;
    bool exact; /* the user chose this state, so nothing newer may replace it */
    /* length in steps of the cosine it was made with, if this run's cosine has another; else 0 */
    int64_t cosine_before;
} rt__source;
/* Returns the path, "snapshot" or "fresh". */
const char *rt__source_name(const rt__source *s);
void rt__source_release(rt__source *s);

/* A PLAN and the memory that it points to. */
typedef struct rt__plan {
    rt_msg_plan message;  /* its checkpoint and pieces are the source's */
    int64_t *slice_begin; /* [world + 1] */
    rt_msg_blocks *owned; /* [world] */
    const char *axes[1];
    int64_t axis_sizes[1];
    char *best; /* owned memory for message.best, set by the caller; NULL: none */
    char hash[65];
} rt__plan;

/* CONFIG, naming the source, if it is beyond the last step of the run. */
rt_status rt__plan_check_step(const rt__source *source, int64_t end_step);

/* Fills a PLAN; parallel.slices must be resolved. init_sha256: borrowed, see messages.def. MISMATCH if the checkpoint's parameter layout
 * differs from the workers', or if the data differ from those it was made with; CONFIG if the checkpoint is beyond the end of the run. The
 * caller must release the plan before `source`, and must not copy it. The hash is the SHA-256 of everything that must be equal on all ranks,
 * including instruction set and BLAS. */
rt_status rt__plan_make(const rt_config *cfg, const rt__source *source, const rt__roster *roster,
                        int64_t end_step, const char *init_sha256, rt__plan *out);
void rt__plan_release(rt__plan *p);

#endif
