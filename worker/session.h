/* The life of a rank within one generation, from the plan to the last message.
 *
 *     rt__session s = {.config = &cfg, .run = run, .comm = comm, .rank = rank, .world = world,
 *                      .local_rank = 0, .local_world = 2, .run_id = "4f1c", .generation = 2, .dir = "/abs/runs/x",
 *                      .link = link, .progress = &progress, .orders = &orders};
 *     RT_TRY(rt__session_run(&s));
 *
 * HELLO (with the snapshots found on this host), PLAN, restore, steps with reports, checkpoints and evaluations as the plan says, FINISHED,
 * and waiting to be told to leave. */
#ifndef RINGTORCH_WORKER_SESSION_H
#define RINGTORCH_WORKER_SESSION_H

#include "common/best.h"
#include "worker/commthread.h"
#include "worker/link.h"
#include "worker/pieces.h"
#include "worker/report.h"
#include "worker/snapshot.h"
#include "worker/snapshot_about.h"
#include "worker/snapshot_copies.h"
#include "worker/step.h"

typedef struct rt__session {
    /* Given by the caller, borrowed. */
    const rt_config *config;
    rt_run *run;
    rt__commthread *comm;
    int rank, world;
    int local_rank, local_world; /* among the ranks of this host */
    const char *run_id;
    int64_t generation;
    const char *dir; /* of the run; absolute */
    rt__link *link;
    rt__progress *progress;
    rt__orders *orders;
    /* The session's own. */
    rt_msg_body message; /* holds the plan */
    const rt_msg_plan *plan;
    rt__shard shard;
    rt__stepper stepper;
    rt__pieces *pieces;
    rt_best best;           /* evaluation so far */
    bool over;              /* run.patience has run out: no further step is made */
    int64_t saved_step;     /* of the last checkpoint; -1: none yet */
    int64_t summed_step;    /* whose checksum was told before its evaluation; -1: none yet */
    rt__snapshot *snapshot; /* NULL: none are taken */
    rt__copies *copies;     /* NULL: none are kept elsewhere */
    bool snapshot_trouble_told, copies_trouble_told;
    rt_snapshot_about about;
    char config_hash[65];
    rt__meter meter;
} rt__session;

/* Runs to the end. ABORTED if told to leave before; any other failure is this rank's own. */
rt_status rt__session_run(rt__session *s);

#endif
