/* One training step of one rank.
 *
 *     rt__stepper s;
 *     RT_TRY(rt__stepper_init(&s, &(rt__stepper_args){run, cfg, comm, &shard, &progress}));
 *     rt__step_result did;
 *     RT_TRY(rt__step(&s, t, &(rt__step_request){.orders = RT__ORDER_STOP}, &did));
 *     if (did.orders & RT__ORDER_STOP) ...                  // the same on every rank
 *     rt__stepper_release(&s);
 *
 * Decisions on which ranks must agree travel with the data. Rank 0 writes its orders into a spare element at the end of
 * its gradient; the other ranks have zeros there, so the exact sum preserves them. The owner of the tail stores them
 * with the loss, and the gather that distributes the parameters distributes them as well. So all ranks stop after the
 * same step, without extra messages or waits.
 *
 * A loss or gradient that is not finite goes into the sum like any other; all ranks then react in the same way, as
 * run.nan_loss demands. With `skip`, or if the gradient is clipped or its norm reported, all ranks know all sums before
 * any of them updates. Otherwise ranks exchange nothing between sum and update, and a check would cost every step a
 * message. So a rank that finds one of its own sums not finite does not update but puts a mark into the first element
 * that it owns; the gather brings the mark to all ranks, and all fail. The others have updated by then, but a rank that
 * has failed makes neither snapshot nor checkpoint, so those parameters are never used. */
#ifndef RINGTORCH_WORKER_STEP_H
#define RINGTORCH_WORKER_STEP_H

#include "common/config/config.h"
#include "common/control/messages.h"
#include "worker/commthread.h"
#include "worker/engine/train/run.h"
#include "worker/progress.h"
#include "worker/shard.h"
#include "worker/snapshot.h"

enum { RT__SCALAR_ORDERS = 2 }; /* place in the flat tail: the sum of all ranks' orders */
enum {
    RT__ORDER_STOP = 1,       /* this is the last step of the generation */
    RT__ORDER_CHECKPOINT = 2, /* write a checkpoint after it */
};

typedef struct rt__stepper_args {
    rt_run *run;
    const rt_config *config;
    rt__commthread *comm; /* may be NULL in a world of one */
    const rt__shard *shard;
    rt__progress *progress;
    /* Called with checksums of data whose bits must be equal on other ranks. NULL: none are computed, and no slice is
     * audited. */
    void (*on_checksum)(void *ctx, const rt_msg_checksum *m);
    void *ctx;
    rt__snapshot *snapshot; /* receives what is updated; NULL if none is kept */
} rt__stepper_args;

typedef struct rt__stepper {
    rt_run *run;
    rt__commthread *comm;
    const rt__shard *shard;
    rt__progress *progress;
    void (*on_checksum)(void *ctx, const rt_msg_checksum *m);
    void *ctx;
    rt__snapshot *snapshot;
    rt_algo algorithm; /* of the sums */
    rt_reduce sum;     /* how the sums are divided among the ranks */
    int64_t *one_each; /* [world+1] for a ring, which has one partial sum per rank; else NULL */
    bool replicated;   /* parallel.sharding is none: every rank updates everything */
    bool skips;        /* run.nan_loss is skip */
    double clip_norm;  /* 0: never */
    rt_optim *optim;
    int round;      /* of the measurements being shared */
    double *sums;   /* see rt_run_sums: this rank's, or all ranks' */
    rt_peers peers; /* the other ranks, as layers reach them within a step */
    rt_partial parts[RT_TREE_NODES_MAX];
    int part_count;
} rt__stepper;

typedef struct rt__step_request {
    int orders;    /* of rank 0, RT__ORDER_...; ignored elsewhere */
    bool norm;     /* report the norm; same on all ranks. Costs a small gather if nothing is
                      clipped */
    bool checksum; /* report the checksum of the parameters before the step; same on all ranks */
    bool keep;     /* a snapshot will be taken after the step */
} rt__step_request;

typedef struct rt__step_result {
    double loss;      /* mean over the global batch */
    double grad_norm; /* of the mean gradient before clipping; NaN unless asked for, needed or the
                         last */
    int orders;       /* those of rank 0 */
    bool skipped;     /* loss or gradient was not finite: nothing was updated */
} rt__step_result;

/* Borrows everything in `a`; *s must not move until it is released. */
rt_status rt__stepper_init(rt__stepper *s, const rt__stepper_args *a);
void rt__stepper_release(rt__stepper *s);

/* Makes step number `step` (0, 1, ...); afterwards all ranks have the same parameters. Collective. Fails with NUMERIC
 * on all ranks if the loss or the gradient is not finite and run.nan_loss is not `skip`; on the rank where it happened
 * the message names the slice. */
rt_status rt__step(rt__stepper *s, int64_t step, const rt__step_request *request,
                   rt__step_result *out);

/* Passes the checksum of the present parameters, those before step number `step`, to on_checksum. */
void rt__stepper_checksum(const rt__stepper *s, int64_t step);

#endif
