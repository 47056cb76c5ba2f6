/* A worker process: boots, sends HELLO, receives its plan, restores, makes steps, writes pieces, finishes.
 *
 *     sim_rank_start(w, who, host);
 *     sim_rank_receives(w, who, letter);              // from the coordinator, through its link
 *     sim_rank_goes_on(w, who, ...);                  // the collective it was in has ended
 *     sim_rank_die(w, who, 9);                        // killed
 *
 * It sends what a real worker would send (worker/session.c, worker/link.h), at the same time. */
#ifndef RINGTORCH_TESTS_SIM_RANK_H
#define RINGTORCH_TESTS_SIM_RANK_H

#include "common/config/best.h"
#include "tests/sim/host.h"
#include "tests/sim/mail.h"
#include "tests/sim/process.h"
#include "tests/sim/rank_link.h"

typedef enum sim_doing {
    SIM_BOOTING,
    SIM_JOINED,    /* has sent HELLO, waits for PLAN */
    SIM_RESTORING, /* reads the state it starts from */
    SIM_COMPUTING, /* its slices of a step */
    SIM_WAITING,   /* in a collective, for the others */
    SIM_SAVING,    /* waits until the previous piece is written */
    SIM_EVALUATING,
    SIM_CLOSING,  /* waits until its pieces are written */
    SIM_FINISHED, /* waits to be told to leave */
} sim_doing;

typedef struct sim_rank {
    sim_process process;
    sim_line line;
    sim_link link;
    sim_doing doing;
    sim_time moved; /* when it began its current activity */
    double slow;    /* factor by which it is slower than usual */
    double cpu;     /* seconds computed */
    int64_t local_rank;
    int64_t begin, end; /* elements it owns */
    sim_letter *plan;   /* NULL: none yet */
    int64_t step;       /* steps finished; with `hash`, the state in its memory */
    uint64_t hash;
    int64_t rounds; /* collectives it has entered */
    sim_snapshot *snapshot;
    sim_time copying_until; /* when its snapshot will be complete */
    bool last;              /* no step follows the one that has just ended */
    int64_t writing;        /* step of the piece being written; -1: none */
    uint64_t writing_hash;
    int64_t to_save;    /* step of the piece that waits for the previous one; -1: none */
    int64_t saved_step; /* of the last checkpoint; -1: none */
    int64_t evaluated;  /* step of its last evaluation; -1: none yet */
    rt_best best;       /* so far */
    bool guilty;        /* a fault was injected into it, so it may be named as the cause */
    bool named;         /* the coordinator has named it as holding up the others */
    sim_time stopped_at;
    bool flip; /* a bit of its parameters is about to change */
} sim_rank;

/* The result of a collective for each of its ranks. */
typedef struct sim_outcome {
    int64_t step; /* of the state that all ranks have now */
    uint64_t hash;
    bool stop, checkpoint; /* rank 0's wishes (worker/step.h) */
    bool not_finite;       /* the step failed, because the loss was not a number */
    bool skipped;          /* the same, but the step counts (run.nan_loss=skip) */
} sim_outcome;

void sim_rank_start(sim_world *w, sim_pid who, int host, int64_t local_rank);
void sim_rank_receives(sim_world *w, sim_pid who, sim_letter *l);
/* Called by its link: the plan has arrived. */
void sim_rank_has_plan(sim_world *w, sim_pid who);
void sim_rank_must_leave(sim_world *w, sim_pid who, const rt_saved_error *why);
void sim_rank_forget(sim_world *w, sim_pid who, int64_t before);
void sim_rank_look(sim_world *w, sim_pid who, rt_msg_progress *out);
/* The collective that it was in has ended. */
void sim_rank_goes_on(sim_world *w, sim_pid who, const sim_outcome *o);
/* Kills it with a signal; does nothing if it is dead already. */
void sim_rank_die(sim_world *w, sim_pid who, int signal);
/* Sends FAULT and leaves with an exit code. */
void sim_rank_fail(sim_world *w, sim_pid who, rt_status code, const char *why);
void sim_rank_release(sim_rank *r);

#endif
