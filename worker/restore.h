/* Loads a checkpoint into a run of any world size.
 *
 *     RT_TRY(rt__restore_run(run, "runs/x/checkpoints/step-00000500", slices, &step));
 *
 * or, piece by piece:
 *
 *     rt_saved saved;
 *     RT_TRY(rt_saved_open(dir, NULL, &saved));
 *     rt__destination to;
 *     RT_TRY(rt__destination_of_run(&to, run, RT__PARAMETERS_ONLY));
 *     rt_status status = rt__restore(&saved, &to);
 *     rt__destination_release(&to);
 *
 * Everything is checked before anything is changed: the checkpoint by itself (common/state/saved.h), its layout against the model
 * (the first tensor that differs is named), its optimiser against the run's. */
#ifndef RINGTORCH_WORKER_RESTORE_H
#define RINGTORCH_WORKER_RESTORE_H

#include "worker/checkpoint_read.h"
#include "worker/engine/train/run.h"

/* The memory that a tensor of the state is loaded into. All borrowed. */
typedef struct rt__target {
    const char *kind, *tensor;
    float *data;
    int64_t elements;
} rt__target;

typedef struct rt__destination {
    rt__target *target; /* [targets], owned */
    int64_t targets;
    bool other_kinds_too; /* whether the checkpoint may hold kinds that are not loaded */
} rt__destination;

/* RT__PARAMETERS_ONLY includes the buffers but not the optimiser's states. */
typedef enum rt__wanted { RT__WHOLE_STATE, RT__PARAMETERS_ONLY } rt__wanted;
rt_status rt__destination_of_run(rt__destination *to, const rt_run *run, rt__wanted wanted);
void rt__destination_release(rt__destination *to);

/* Loads the tensors by their names and places; does not check the layout. */
rt_status rt__restore(const rt_saved *saved, const rt__destination *to);
/* Compares the checkpoint's layout with a model's (rt_run_layout). */
rt_status rt__restore_check_layout(const rt_saved *saved, const char *layout);

/* Opens, checks and loads the whole state, and sets *step to the step at which it was taken. Refuses a checkpoint whose
 * number of slices is not `slices`, that of this run, because resuming from it would give other bits. */
rt_status rt__restore_run(rt_run *run, const char *dir, int64_t slices, int64_t *step);

#endif
