/* The life of a rank within one generation, from the plan to the last message.
 *
 *     rt__session s = {.config = &cfg, .run = run, .comm = comm, .rank = rank, .world = world,
 *                      .local_rank = 0, .local_world = 2, .run_id = "4f1c", .generation = 2, .dir = "/abs/runs/x", .note = "",
 *                      .link = link, .progress = &progress, .orders = &orders};
 *     RT_TRY(rt__session_run(&s));
 *
 * It sends HELLO (with the snapshots found on this host), receives PLAN, restores the state, makes steps with the
 * reports, checkpoints and evaluations of the plan, sends FINISHED, and waits for the order to leave. */
#ifndef RINGTORCH_WORKER_SESSION_H
#define RINGTORCH_WORKER_SESSION_H

#include "common/config/best.h"
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
    const char *dir;  /* of the run; absolute */
    const char *note; /* a remark for people on how the data are read, or "" */
    rt__link *link;
    rt__progress *progress;
    rt__orders *orders;
    /* Private to the session. */
    rt_msg_body message; /* holds the plan */
    const rt_msg_plan *plan;
    rt__shard shard;
    rt__stepper stepper;
    rt__pieces *pieces;
    rt_best best;           /* best evaluation so far */
    bool patience_ran_out;  /* run.patience has run out: make no further step */
    int64_t saved_step;     /* of the last checkpoint; -1 if none yet */
    int64_t summed_step;    /* whose checksum was sent before its evaluation; -1 if none yet */
    rt__snapshot *snapshot; /* NULL if none are taken */
    rt__copies *copies;     /* NULL if none are kept on other hosts */
    bool snapshot_trouble_sent, copies_trouble_sent;
    rt_snapshot_about about;
    char config_hash[65];
    rt__meter meter;
} rt__session;

/* Runs to the end. Fails with ABORTED if ordered to leave earlier; any other failure is this rank's own. */
rt_status rt__session_run(rt__session *s);

#endif
