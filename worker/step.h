/* One training step of one rank.
 *
 *     rt__stepper s;
 *     RT_TRY(rt__stepper_init(&s, &(rt__stepper_args){run, cfg, comm, &shard, &progress}));
 *     rt__step_result did;
 *     RT_TRY(rt__step(&s, t, &(rt__step_wish){.orders = RT__ORDER_STOP}, &did));
 *     if (did.orders & RT__ORDER_STOP) ...                  // the same answer on every rank
 *     rt__stepper_release(&s);
 *
 * What ranks must agree on travels with the data. Rank 0 writes its orders into one of the spare
 * elements at the end of its gradient; the exact sum adds zeros to it, the owner of the tail commits
 * it with the loss, and the gather that brings the parameters brings it to everybody. So all ranks
 * stop after the same step, at no message and no wait of its own.
 *
 * A loss or gradient that is not finite goes into the sum like any other, and all ranks then do the
 * same about it: what run.nan_loss says. With `skip`, or where something is clipped or reported, all
 * know all sums before anybody updates. Else ranks exchange nothing between sum and update, and to
 * ask whether all is well would cost every step a message. So a rank that finds a sum of its own not
 * finite keeps its update back and puts a mark into the first element it owns: the gather brings
 * that to everybody, and everybody fails. The others have updated by then, but a rank that has
 * failed makes neither snapshot nor checkpoint, so nobody ever sees those parameters. */
#ifndef RINGTORCH_WORKER_STEP_H
#define RINGTORCH_WORKER_STEP_H

#include "common/config.h"
#include "common/messages.h"
#include "worker/commthread.h"
#include "worker/engine/train/run.h"
#include "worker/progress.h"
#include "worker/shard.h"
#include "worker/snapshot.h"

enum { RT__SCALAR_ORDERS = 2 }; /* place in the flat tail: the sum of these */
enum {
    RT__ORDER_STOP = 1,       /* this is the last step of the generation */
    RT__ORDER_CHECKPOINT = 2, /* follow it with a checkpoint */
};

typedef struct rt__stepper_args {
    rt_run *run;
    const rt_config *config;
    rt__commthread *comm; /* may be NULL in a world of one */
    const rt__shard *shard;
    rt__progress *progress;
    /* Told what must be the same bits elsewhere; NULL: nobody wants to know, and no slice is
     * audited. */
    void (*on_checksum)(void *ctx, const rt_msg_checksum *m);
    void *ctx;
    rt__snapshot *snapshot; /* gets what is updated; NULL: none is kept */
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
    rt_reduce sum;     /* how they are spread over the ranks */
    int64_t *one_each; /* [world+1] for a ring, which knows one partial sum per rank; else NULL */
    bool replicated;   /* sharding: none; every rank updates everything */
    bool skips;        /* run.nan_loss: skip */
    double clip_norm;  /* 0: never */
    rt_optim *optim;
    int round;    /* of the measurements that are being shared */
    double *sums; /* see rt_run_sums: mine, or all ranks' */
    rt_partial parts[RT_TREE_NODES_MAX];
    int part_count;
} rt__stepper;

typedef struct rt__step_wish {
    int orders;    /* of rank 0, RT__ORDER_...; ignored elsewhere */
    bool norm;     /* report the norm, same on all ranks; it costs a small gather where nothing is
                      clipped */
    bool checksum; /* tell that of the parameters before the step, same on all ranks */
    bool keep;     /* a snapshot is going to be taken of the state after the step */
} rt__step_wish;

typedef struct rt__step_result {
    double loss;      /* mean over the global batch */
    double grad_norm; /* of the mean gradient before clipping; NaN unless asked for, needed or the
                         last */
    int orders;       /* what rank 0 wished */
    bool skipped;     /* loss or gradient not finite: nothing was updated */
} rt__step_result;

/* Borrows everything in `a`; *s must stay where it is until released. */
rt_status rt__stepper_init(rt__stepper *s, const rt__stepper_args *a);
void rt__stepper_release(rt__stepper *s);

/* Makes step number `step` (0, 1, ...): afterwards all ranks have the same parameters. Collective.
 * Fails with NUMERIC, on all ranks alike, if the loss or the gradient is not finite and run.nan_loss
 * is not `skip`; the message names the slice on the rank that has it. */
rt_status rt__step(rt__stepper *s, int64_t step, const rt__step_wish *wish, rt__step_result *out);

/* Tells the checksum of the parameters as they are now: before step number `step`. */
void rt__stepper_checksum(const rt__stepper *s, int64_t step);

#endif
