/* One generation: mpirun, its ranks, and the collectives that hold them together.
 *
 *     sim_job_start(w, generation, world, hosts, slots, n);
 *     sim_job_enter(w, who, &mine);            // a rank enters the next collective
 *     sim_job_rank_gone(w, who, 0, 9);         // it died of signal 9: mpirun will notice and end the others
 *     sim_job_end(w, generation);              // the launcher tells mpirun to end the job
 *
 * A collective ends when every rank has entered it and none of them is dead, stopped or cut off from the others; then the ranks go on, one
 * shortly after the other. So no rank is ever more than one step ahead of another, and a death can happen when some have made a step and
 * others have not. */
#ifndef RINGTORCH_TESTS_SIM_JOB_H
#define RINGTORCH_TESTS_SIM_JOB_H

#include "tests/sim/rank.h"

/* What ranks bring to a collective, combined. */
typedef struct sim_round {
    int64_t came;
    bool restore;  /* the first collective: it brings the start state and makes no step */
    bool has_hash; /* false for a rank that restores no piece */
    bool agree;    /* all brought the same state */
    sim_outcome outcome;
} sim_round;

typedef struct sim_job {
    int64_t generation, world;
    sim_rank *rank; /* [world] */
    int64_t alive;  /* ranks */
    sim_process mpirun;
    /* Ranks on hosts that mpirun has lost, or that have outlived mpirun: nobody can end them. */
    bool cut_off;

    int64_t rounds;      /* collectives that have ended */
    sim_round round;     /* the one that ranks are entering */
    sim_outcome outcome; /* of the previous one */
    int64_t straggler;   /* no rank below this one is missing in `round` */

    /* What mpirun knows about how the job ended. */
    bool ending;    /* mpirun ends the ranks that are left */
    bool told;      /* by the launcher */
    int64_t blamed; /* rank that failed first; -1: none */
    int64_t exit_code, signal;
    int lost_host; /* -1: none */
    int64_t *dead; /* [deaths] ranks that were dead before the others were ended */
    int64_t deaths;
    sim_time first_sign, ending_since;
    bool not_finite;      /* the next step will not be */
    int64_t corrupt_step; /* a rank has had a wrong state since that step; -1: none has */
    bool found_out;       /* the coordinator has reported it */
    bool gone;            /* the launcher knows that the job has ended */
    bool guilty;          /* a fault was injected into mpirun */
    int64_t through;      /* ranks that have left the last collective */
} sim_job;

/* `hosts`: [n] numbers of hosts; `slots`: ranks on each. */
void sim_job_start(sim_world *w, int64_t generation, int64_t world, const int *hosts,
                   const int64_t *slots, int64_t n);
/* A rank enters the next collective with the state it has. */
void sim_job_enter(sim_world *w, sim_pid who, const sim_round *mine);
/* Returns a rank that has not entered the collective yet that others are in, or -1 if none is missing. */
int64_t sim_job_awaits(sim_job *j);
void sim_job_rank_gone(sim_world *w, sim_pid who, int exit_code, int signal);
void sim_job_end(sim_world *w, int64_t generation);
void sim_job_kill_mpirun(sim_world *w, int64_t generation);
/* Hosts are cut off: mpirun will lose its connection to them unless it ends soon. */
void sim_job_host_cut(sim_world *w, int64_t generation);
/* The launcher has killed everything on its own host. */
void sim_job_orphaned(sim_world *w, int64_t generation);
void sim_job_free(sim_world *w, int64_t generation);

#endif
