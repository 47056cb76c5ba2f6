/* Whole runs, one seed each, and their totals.
 *
 *     sim_totals t = {0};
 *     for (uint64_t seed = 1; t.faults < 100000; seed++)
 *         if (!sim_run(&(sim_order){.seed = seed}, &t))
 *             return 1;                               // a rule was broken, and stderr tells which
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
    FILE *live; /* gets every event as it happens; NULL: only the last ones, if a rule is broken */
} sim_order;

typedef struct sim_totals {
    int64_t runs, faults, events, generations, commits;
    int64_t from_nothing, from_checkpoint, from_snapshot; /* where generations started */
    int64_t of_kind[SIM_FAULTS];
    int64_t takeovers; /* coordinators that were started again */
    sim_time virtual_time;
    int64_t broken;     /* runs in which a rule was broken */
    char what[512];     /* the rule broken in the last of them */
    uint64_t signature; /* hash of all events: equal for equal seeds */
} sim_totals;

/* Simulates one run and adds it to the totals. Returns false if a rule was broken; unless that was the purpose (sabotage), the seed, the last
 * events and the command that repeats the run go to stderr. */
bool sim_run(const sim_order *o, sim_totals *t);
void sim_totals_print(const sim_totals *t, FILE *to);

#endif
