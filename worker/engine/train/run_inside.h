/* What a run is inside, for the files that implement run.h:
 *
 *     run_open.c        from a configuration
 *     run_step.c        gradients
 *     observed.c        statistics over batches
 *     run_update.c      sums and update
 *     run_device.c      where parameters, gradients and states lie
 *     run_again.c       a slice once more: audits, and what is not finite
 *     run_eval.c        test set and raw outputs
 *     run_identity.c    layout, hash of the weights
 *     batches.c         samples of (step, slice)
 */
#ifndef RINGTORCH_ENGINE_TRAIN_RUN_INSIDE_H
#define RINGTORCH_ENGINE_TRAIN_RUN_INSIDE_H

#include "common/json.h"
#include "kernels/device.h"
#include "worker/engine/nn/module.h"
#include "worker/engine/optim/flat.h"
#include "worker/engine/tasks/task.h"
#include "worker/engine/train/batches.h"
#include "worker/engine/train/run.h"

/* Statistics over batches that layers tell of (observed.c). */
typedef struct rt__observed {
    const rt_flat *flat;
    double *momentum; /* [flat->small]; 0: nobody has told of it in this step */
    int32_t *times;   /* [flat->small]: in the slice */
    float *place;     /* the slice's flat buffer */
    float samples;    /* of the slice */
    rt__nn_observer observer;
} rt__observed;

rt_status rt__observed_init(rt__observed *o, const rt_flat *flat);
void rt__observed_release(rt__observed *o);
/* Begins a step: nobody has told of anything. */
void rt__observed_forget(rt__observed *o);
/* Collects what is told on this thread until the end: n times each statistic of a slice of n samples is added to its place in a flat
 * buffer that holds 0 there. Returns who has collected before. */
const rt__nn_observer *rt__observed_begin(rt__observed *o, float *place, int64_t samples);
void rt__observed_end(rt__observed *o, const rt__nn_observer *former);
/* Moves the owned elements of the buffers towards the means of a step of so many samples, whose sums are in the flat gradient. */
void rt__observed_commit(const rt__observed *o, rt_range owned, double samples);

/* What the host sees of a run on another device (run_device.c). On the CPU: the flat buffers themselves. */
typedef struct rt__mirror {
    rt_device device;
    rt_gpu *gpu;   /* NULL: the CPU */
    rt_flat flat;  /* param and grad: here */
    float *memory; /* NULL on the CPU */
    bool stale;    /* the device has newer parameters and states */
} rt__mirror;

/* Finds the device of the configuration, before the net is made. */
rt_status rt__mirror_find(rt_run *r, const rt_config *cfg);
/* Makes the mirror of an optimiser's buffers. */
rt_status rt__mirror_init(rt_run *r);
void rt__mirror_release(rt__mirror *m);
/* Returns a flat buffer for the host to read, until the next call; NULL on failure. */
const float *rt__run_read(const rt_run *r, const rt__place *place);
/* Writes the RT_FLAT_SCALARS of a slice behind its gradients. */
rt_status rt__run_set_tail(const rt_run *r, const rt__place *place, const float *tail);
/* Brings those of the step, in the flat gradient, to the mirror. */
rt_status rt__run_take_tail(const rt_run *r);

struct rt_run {
    /* what the configuration says */
    uint64_t seed;
    int64_t steps, batch, slices;
    int64_t eval_batch;

    rt_config config;         /* a copy: the test set may be opened later */
    rt_dataset *train, *test; /* kept, like the two below; test: NULL until it is needed */
    rt_module *net;
    rt_dims output; /* of its last layer, for a sample */
    rt__task task;
    double weight; /* of the step that is being made */
    rt_optim *optim;
    rt__batches *batches;
    rt__observed observed;
    rt__mirror mirror;

    /* gradient buffers by depth of the stack of partial sums; place[0] is the flat gradient buffer
     * itself and is not owned, deeper ones are made when first needed */
    rt__place place[RT_TREE_NODES_MAX];
    rt_range node[RT_TREE_NODES_MAX]; /* of the partial sum at each depth */

    /* the first slice of the last rt_run_gradients whose loss is not finite; -1: none */
    int64_t bad_slice;
    double bad_loss;

    /* slices computed again */
    double audit;    /* share of slices */
    rt__place spare; /* for their gradients; made when first needed */
    rt_run_audit_fn *on_audit;
    void *on_audit_ctx;

    /* evaluation: test samples read ahead, made when first needed */
    rt__filled
        *eval_group; /* [eval_groups], one for each group of samples that the net sees at once */
    int64_t eval_groups;
    rt_range eval_read; /* the groups in them */

    json_t *layers; /* as rt__nn_build describes them */
    char *layout, *layers_text;
    char layout_hash[17];

    void (*on_phase)(void *ctx, const char *phase, int64_t slice);
    void *on_phase_ctx;
};

/* Tells the listener, if there is one. */
void rt__run_phase(const rt_run *r, const char *phase, int64_t slice);

/* Writes a slice's gradient sums and, behind them, its scalars into the buffer of `place`; *loss is
 * the sum over its samples. f: those samples. */
rt_status rt__run_slice(rt_run *r, int64_t step, int64_t slice, const rt__filled *f,
                        const rt__place *place, double *loss);

/* Makes what computing slices again needs, once. */
rt_status rt__run_prepare_again(rt_run *r);
/* Tells the listener if this slice, just computed into `place`, is audited. */
void rt__run_tell_audit(const rt_run *r, int64_t step, int64_t slice, bool owner,
                        const rt__place *place);

/* Frees what evaluations have made. */
void rt__run_release_eval(rt_run *r);

/* Fills r->layout and r->layout_hash. */
rt_status rt__run_describe(rt_run *r);

#endif
