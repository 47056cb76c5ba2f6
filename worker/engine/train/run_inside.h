/* The inside of a run, for the files that implement run.h:
 *
 *     run_open.c        opening from a configuration
 *     run_step.c        gradients
 *     lockstep.c        gradients of slices that exchange values
 *     exchange.c        answers to their requests
 *     observed.c        statistics over batches
 *     run_update.c      sums and update
 *     run_device.c      where parameters, gradients and states lie
 *     run_again.c       recomputing a slice: audits, and values that are not finite
 *     run_eval.c        test set and raw outputs
 *     run_identity.c    layout, hash of the weights
 *     batches.c         samples of (step, slice)
 */
#ifndef RINGTORCH_WORKER_ENGINE_TRAIN_RUN_INSIDE_H
#define RINGTORCH_WORKER_ENGINE_TRAIN_RUN_INSIDE_H

#include "common/base/json.h"
#include "kernels/device.h"
#include "worker/engine/base/exchange.h"
#include "worker/engine/nn/module.h"
#include "worker/engine/nn/net_json.h"
#include "worker/engine/optim/flat.h"
#include "worker/engine/tasks/task.h"
#include "worker/engine/train/batches.h"
#include "worker/engine/train/run.h"

/* Batch statistics that layers report (observed.c). */
typedef struct rt__observed {
    const rt_flat *flat;
    double *momentum; /* [flat->small]; 0: not reported in this step */
} rt__observed;
/* The statistics of a slice that is being computed. */
typedef struct rt__observing {
    rt__observed *of;
    int32_t *times; /* [flat->small]: how often each was reported */
    float *place;   /* the slice's flat buffer */
    float samples;  /* of the slice */
    rt__nn_observer observer;
    const rt__nn_observer *former;
} rt__observing;

rt_status rt__observed_init(rt__observed *o, const rt_flat *flat);
void rt__observed_release(rt__observed *o);
/* Begins a step: clears what was reported. */
void rt__observed_begin_step(rt__observed *o);
/* Collects what is reported on this thread until rt__observed_end: n times each statistic of a slice of n samples is added to its place
 * in a flat buffer that must hold 0 there. *s must not move until then. On failure rt__observed_end must not be called. */
rt_status rt__observed_begin(rt__observing *s, rt__observed *o, float *place, int64_t samples);
void rt__observed_end(rt__observing *s);
/* Moves the owned elements of the buffers towards the means over a step of `samples` samples, whose sums are in the flat gradient. */
void rt__observed_commit(const rt__observed *o, rt_range owned, double samples);

/* The host's view of a run on another device (run_device.c). On the CPU: the flat buffers themselves. */
typedef struct rt__mirror {
    rt_device device;
    rt_gpu *gpu;   /* NULL: the CPU */
    rt_flat flat;  /* param and grad are in host memory */
    float *memory; /* NULL on the CPU */
    /* on the device: the loss of each slice of the step, [slices]; NULL on the CPU */
    float *losses;
    bool stale; /* the device has newer parameters and states than the host */
} rt__mirror;

/* Finds the configured device. Must come before the net is made. */
rt_status rt__mirror_find(rt_run *r, const rt_config *cfg);
/* Makes the mirror of an optimiser's buffers. */
rt_status rt__mirror_init(rt_run *r);
void rt__mirror_release(rt_run *r);
/* Returns a flat buffer for the host to read, valid until the next call; NULL on failure. */
const float *rt__run_read(const rt_run *r, const rt__place *place);
/* Writes the RT_FLAT_SCALARS of a slice after its gradients; the loss among them is copied from `loss`. Does not wait for the device. */
rt_status rt__run_set_tail(const rt_run *r, const rt__place *place, float *tail,
                           const rt_tensor *loss);
/* Records the loss of a local slice that was just computed into `place`, for r->bad_slice. */
rt_status rt__run_note_loss(rt_run *r, int64_t slice, const rt__place *place);
/* Copies the step's scalars from the flat gradient to the mirror, and sets r->bad_slice. This is the only point where a step waits for
 * the device. */
rt_status rt__run_fetch_tail(rt_run *r, rt_range slices);

typedef struct rt__lockstep rt__lockstep;

struct rt_run {
    /* from the configuration */
    uint64_t seed;
    int64_t steps, batch, slices;
    int64_t eval_batch;

    rt_config config;         /* a copy, because the test set may be opened later */
    rt_dataset *train, *test; /* kept, like net; test: NULL until needed */
    rt_module *net;
    rt__net about; /* the net's inputs and results */
    rt_task task;
    double weight; /* of the current step */
    rt_optim *optim;
    rt__batches *batches;
    rt__observed observed;
    rt__mirror mirror;

    /* gradient buffers by depth in the stack of partial sums; place[0] is the flat gradient buffer itself and is not owned, deeper ones
     * are made when first needed */
    rt__place place[RT_TREE_NODES_MAX];
    const rt__place *sum[RT_TREE_NODES_MAX]; /* where the partial sum at each depth lies */
    rt_range node[RT_TREE_NODES_MAX];        /* which node it is */
    bool looked_at_gradients;                /* it is known whether every parameter gets one */
    rt__lockstep *lockstep;   /* for slices that exchange values; NULL: they do not ... */
    rt__exchange no_exchange; /* ... and this refuses if they try */

    /* the first slice of the last rt_run_gradients with a loss that is not finite; -1: none */
    int64_t bad_slice;
    float bad_loss;
    /* slices have exchanged values that are not finite: a slice's loss no longer shows where they came from */
    bool tainted;

    /* slices computed again */
    double audit;    /* share of slices */
    rt__place spare; /* for the gradients of recomputed slices; made when first needed */
    rt_run_audit_fn *on_audit;
    void *on_audit_ctx;

    /* evaluation: test samples read ahead, made when first needed */
    /* [eval_groups], one for each group of samples that the net processes at once */
    rt__filled *eval_group;
    int64_t eval_groups;
    rt_range eval_read; /* the groups that they hold */

    json_t *layers; /* as rt__nn_build describes them */
    char *layout, *layers_text;
    char layout_hash[17];
    char *data; /* identity of the data */

    rt_run_phase_fn *on_phase;
    void *on_phase_ctx;
};

/* Runs the net on a batch; the results [r->about.results] lie on the device of the run. Owned by the scope. */
rt_status rt__run_forward(rt_run *r, const rt_batch *b, rt_tensor **results);

/* Notifies the phase listener, if there is one. */
void rt__run_phase(const rt_run *r, rt_phase phase, int64_t slice);

/* Writes a slice's gradient sums, followed by its scalars, into the buffer of `place`. f: its samples. */
rt_status rt__run_slice(rt_run *r, int64_t step, int64_t slice, const rt__filled *f,
                        const rt__place *place);

/* Computes a local slice of a step, as above. */
rt_status rt__run_compute_slice(rt_run *r, int64_t step, int64_t slice, const rt__place *place);

/* Allocates once what recomputing slices needs. */
rt_status rt__run_prepare_again(rt_run *r);
/* Notifies the audit listener if this slice, just computed into `place`, is audited. */
void rt__run_report_audit(const rt_run *r, int64_t step, int64_t slice, bool owner,
                          const rt__place *place);

/* Frees what evaluations have allocated. */
void rt__run_release_eval(rt_run *r);

/* Fills r->layout, r->layout_hash and r->data. */
rt_status rt__run_describe(rt_run *r);

#endif
