/* A worker process: boots, says HELLO, takes its plan, restores, steps, writes pieces, finishes.
 *
 *     sim_rank_start(w, who, host);
 *     sim_rank_receives(w, who, letter);              // from the coordinator, by way of its link
 *     sim_rank_goes_on(w, who, ...);                  // the collective it was in has ended
 *     sim_rank_die(w, who, 9);                        // killed
 *
 * It says what a real worker says (worker/session.c, worker/link.h), when it would. */
#ifndef RINGTORCH_TESTS_SIM_RANK_H
#define RINGTORCH_TESTS_SIM_RANK_H

#include "common/best.h"
#include "tests/sim/host.h"
#include "tests/sim/mail.h"
#include "tests/sim/process.h"
#include "tests/sim/rank_link.h"

typedef enum sim_doing {
    SIM_BOOTING,
    SIM_JOINED,    /* has said HELLO, waits for PLAN */
    SIM_RESTORING, /* reads the state it starts from */
    SIM_COMPUTING, /* its slices of a step */
    SIM_WAITING,   /* in a collective, for the others */
    SIM_SAVING,    /* waits until the piece before is written */
    SIM_EVALUATING,
    SIM_CLOSING,  /* waits until its pieces are written */
    SIM_FINISHED, /* waits to be told to leave */
} sim_doing;

typedef struct sim_rank {
    sim_process process;
    sim_line line;
    sim_link link;
    sim_doing doing;
    sim_time moved; /* when it began to do that */
    double slow;    /* how many times slower than usual */
    double cpu;     /* seconds computed */
    int64_t local_rank;
    int64_t begin, end; /* elements it owns */
    sim_letter *plan;   /* NULL: none yet */
    int64_t step;       /* steps finished; with hash: the state in its memory */
    uint64_t hash;
    int64_t rounds; /* collectives it has entered */
    sim_snapshot *snapshot;
    sim_time copying_until; /* its snapshot is whole then */
    bool last;              /* no step follows the one that has just ended */
    int64_t writing;        /* step of the piece being written; -1: none */
    uint64_t writing_hash;
    int64_t to_save;    /* step of the piece that waits for the one before; -1: none */
    int64_t saved_step; /* of the last checkpoint; -1: none */
    int64_t evaluated;  /* step of its last evaluation; -1: none yet */
    rt_best best;       /* so far */
    bool guilty;        /* something was done to it, so it may be named as the cause */
    bool named;         /* the coordinator has said that it holds up the others */
    sim_time stopped_at;
    bool flip; /* a bit of its parameters is about to change */
} sim_rank;

/* What a collective gives to each of its ranks. */
typedef struct sim_outcome {
    int64_t step; /* the state that all have now is the one at this step */
    uint64_t hash;
    bool stop, checkpoint; /* rank 0's wishes (worker/step.h) */
    bool not_finite;       /* it made nothing: the loss was not a number */
    bool skipped;          /* the same, and the step counts all the same (run.nan_loss=skip) */
} sim_outcome;

void sim_rank_start(sim_world *w, sim_pid who, int host, int64_t local_rank);
void sim_rank_receives(sim_world *w, sim_pid who, sim_letter *l);
/* What its link has heard, and what that wants to know. */
void sim_rank_has_plan(sim_world *w, sim_pid who);
void sim_rank_must_leave(sim_world *w, sim_pid who, const rt_saved_error *why);
void sim_rank_forget(sim_world *w, sim_pid who, int64_t before);
void sim_rank_look(sim_world *w, sim_pid who, rt_msg_progress *out);
/* The collective that it was in is over. */
void sim_rank_goes_on(sim_world *w, sim_pid who, const sim_outcome *o);
/* Killed by a signal; nothing if it is dead already. */
void sim_rank_die(sim_world *w, sim_pid who, int signal);
/* Says FAULT and leaves with an exit code. */
void sim_rank_fail(sim_world *w, sim_pid who, rt_status code, const char *why);
void sim_rank_release(sim_rank *r);

#endif
