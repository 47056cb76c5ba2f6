/* One training step of one rank.
 *
 *     rt__stepper s;
 *     RT_TRY(rt__stepper_init(&s, &(rt__stepper_args){run, cfg, comm, &shard, &progress}));
 *     rt__step_result did;
 *     RT_TRY(rt__step(&s, t, &(rt__step_wish){.stop = told_to_stop}, &did));
 *     if (did.stop) ...                                     // the same answer on every rank
 *     rt__stepper_release(&s);
 *
 * What ranks must agree on travels with the data. Rank 0 writes its wish to stop into one of the
 * spare elements at the end of its gradient; the exact sum adds zeros to it, the owner of the tail
 * commits it with the loss, and the gather that brings the parameters brings it to everybody. So
 * all ranks stop after the same step, at no message and no wait of its own. */
#ifndef RINGTORCH_WORKER_STEP_H
#define RINGTORCH_WORKER_STEP_H

#include "common/config.h"
#include "worker/commthread.h"
#include "worker/engine/train/run.h"
#include "worker/progress.h"
#include "worker/shard.h"

enum { RT__SCALAR_STOP = 2 }; /* place in the flat tail: not 0 if this is to be the last step */

typedef struct rt__stepper_args {
    rt_run *run;
    const rt_config *config;
    rt__commthread *comm; /* may be NULL in a world of one */
    const rt__shard *shard;
    rt__progress *progress;
} rt__stepper_args;

typedef struct rt__stepper {
    rt_run *run;
    rt__commthread *comm;
    const rt__shard *shard;
    rt__progress *progress;
    rt_algo algorithm;   /* of the sums */
    rt_reduce sum;       /* how they are spread over the ranks */
    int64_t *one_each;   /* [world+1] for a ring, which knows one partial sum per rank; else NULL */
    bool replicated;     /* sharding: none; every rank updates everything */
    double clip_norm;    /* 0: never */
    double batch;        /* samples in a step, all ranks together */
    double *square_sums; /* [blocks] */
    rt_partial parts[RT_TREE_NODES_MAX];
    int part_count;
} rt__stepper;

typedef struct rt__step_wish {
    bool stop; /* rank 0: make this step the last one; ignored elsewhere */
    bool norm; /* report the norm, same on all ranks; it costs a small gather where nothing is
                  clipped */
} rt__step_wish;

typedef struct rt__step_result {
    double loss;      /* mean over the global batch */
    double grad_norm; /* of the mean gradient before clipping; NaN unless asked for, needed or the
                         last */
    bool stop;
} rt__step_result;

/* Borrows everything in `a`. */
rt_status rt__stepper_init(rt__stepper *s, const rt__stepper_args *a);
void rt__stepper_release(rt__stepper *s);

/* Makes step number `step` (0, 1, ...): afterwards all ranks have the same parameters. Collective.
 * Fails with NUMERIC, on all ranks alike, if the loss is not finite. */
rt_status rt__step(rt__stepper *s, int64_t step, const rt__step_wish *wish, rt__step_result *out);

#endif
