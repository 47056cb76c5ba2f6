/* Whole runs, one seed each, and what they add up to.
 *
 *     sim_totals t = {0};
 *     for (uint64_t seed = 1; t.faults < 100000; seed++)
 *         if (!sim_run(&(sim_order){.seed = seed}, &t))
 *             return 1;                               // a rule was broken, and told on stderr
 *     sim_totals_print(&t, stdout);
 */
#ifndef RINGTORCH_TESTS_SIM_RUNS_H
#define RINGTORCH_TESTS_SIM_RUNS_H

#include "tests/sim/sabotage.h"
#include "tests/sim/scenario.h"

typedef struct sim_order {
    uint64_t seed;
    sim_size size;
    sim_sabotage sabotage;
    FILE *live; /* every event as it happens; NULL: only when a rule was broken, the last ones */
} sim_order;

typedef struct sim_totals {
    int64_t runs, faults, events, generations, commits;
    int64_t from_nothing, from_checkpoint, from_snapshot; /* where generations started */
    int64_t of_kind[SIM_FAULTS];
    int64_t takeovers; /* coordinators that were started again */
    sim_time virtual_time;
    int64_t broken;     /* runs in which a rule was broken */
    char what[512];     /* and which, in the last of them */
    uint64_t signature; /* of all that happened: equal for equal seeds */
} sim_totals;

/* Simulates one run and adds it up. False if a rule was broken; unless that was the purpose
 * (sabotage), seed, the last events and the command that does it again go to stderr. */
bool sim_run(const sim_order *o, sim_totals *t);
void sim_totals_print(const sim_totals *t, FILE *to);

#endif
