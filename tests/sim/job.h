/* One generation: mpirun, its ranks, and the collectives that hold them together.
 *
 *     sim_job_start(w, generation, world, hosts, slots, n);
 *     sim_job_enter(w, who, &mine);            // a rank enters the next collective
 *     sim_job_rank_gone(w, who, 0, 9);         // it died of signal 9: mpirun will see and end the rest
 *     sim_job_end(w, generation);              // the launcher tells mpirun to end it
 *
 * A collective ends when every rank has entered it and none of them is dead, stopped or cut off from
 * the others; then each rank goes on, a little later than the next one. So no rank is ever more than
 * one step ahead of another, and a death can catch some before and some after the same step. */
#ifndef RINGTORCH_TESTS_SIM_JOB_H
#define RINGTORCH_TESTS_SIM_JOB_H

#include "tests/sim/rank.h"

/* What the ranks that have entered a collective have brought, or what came of it. */
typedef struct sim_round {
    int64_t came;
    bool restore;  /* the first one: brings the state that is started from, makes no step */
    bool has_hash; /* a rank may bring none when it restores no piece */
    bool agree;    /* all brought the same state */
    sim_outcome outcome;
} sim_round;

typedef struct sim_job {
    int64_t generation, world;
    sim_rank *rank; /* [world] */
    int64_t alive;  /* ranks */
    sim_process mpirun;
    /* Ranks on hosts that mpirun has given up or that have outlived it: nobody can end them. */
    bool cut_off;

    int64_t rounds;      /* collectives that are over */
    sim_round round;     /* the one that ranks are entering */
    sim_outcome outcome; /* of the one before */
    int64_t straggler;   /* no rank before this one is missing in `round` */

    /* What mpirun knows of how it ended. */
    bool ending;    /* it ends the ranks that are left */
    bool told;      /* by the launcher */
    int64_t blamed; /* rank that failed first; -1: none */
    int64_t exit_code, signal;
    int lost_host; /* -1: none */
    int64_t *dead; /* [deaths] ranks that were dead before the others were ended */
    int64_t deaths;
    sim_time first_sign, ending_since;
    bool not_finite;      /* the next step will not be */
    int64_t corrupt_step; /* a rank has had a wrong state since that step; -1: none has */
    bool found_out;       /* the coordinator has said so */
    bool gone;            /* the launcher has been told */
    bool guilty;          /* something was done to mpirun */
    int64_t through;      /* ranks that are through with the last collective */
} sim_job;

/* hosts: [n] numbers of hosts, slots: ranks on each. */
void sim_job_start(sim_world *w, int64_t generation, int64_t world, const int *hosts,
                   const int64_t *slots, int64_t n);
/* A rank enters the next collective with the state it has. */
void sim_job_enter(sim_world *w, sim_pid who, const sim_round *mine);
/* Returns a rank that has not yet entered the collective that others are in; -1: none is missing. */
int64_t sim_job_awaits(sim_job *j);
void sim_job_rank_gone(sim_world *w, sim_pid who, int exit_code, int signal);
void sim_job_end(sim_world *w, int64_t generation);
void sim_job_kill_mpirun(sim_world *w, int64_t generation);
/* Hosts are cut off: mpirun will lose touch with them unless it ends soon. */
void sim_job_host_cut(sim_world *w, int64_t generation);
/* The launcher has killed everything on its own host. */
void sim_job_orphaned(sim_world *w, int64_t generation);
void sim_job_free(sim_world *w, int64_t generation);

#endif
