/* The coordinator: its real decisions (coordinator/machine/state.h) in a shell that simulates sockets, disk
 * and clock in place of coordinator/shell/loop.c.
 *
 *     sim_coordinator_start(w);                       // reads the journal, listens
 *     sim_coordinator_receives(w, from, letter);
 *     sim_coordinator_die(w);                         // between two events
 *     sim_coordinator_die_inside(w, 3);               // at the third effect from now
 *
 * The rest of the simulator knows the coordinator only through this header. */
#ifndef RINGTORCH_TESTS_SIM_COORDINATOR_H
#define RINGTORCH_TESTS_SIM_COORDINATOR_H

#include "common/config/config.h"
#include "tests/sim/events.h"
#include "tests/sim/letter.h"

void sim_coordinator_new(sim_world *w);
void sim_coordinator_free(sim_world *w);
/* Starts the process. `again`: it replaces a coordinator that died under the same launcher. */
void sim_coordinator_start(sim_world *w, bool again);
void sim_coordinator_receives(sim_world *w, sim_pid from, const sim_letter *l);
void sim_coordinator_die(sim_world *w);
/* Lets it die in the middle of a decision, after this many more effects. */
void sim_coordinator_die_inside(sim_world *w, int64_t effects);

/* What the rules look at. */
typedef struct sim_view {
    const char *phase;
    bool running; /* all ranks have the plan */
    bool ended;   /* DONE or FAILED */
    bool failed;
    int64_t generation, world, newest_step;
    int64_t target;         /* workers that were asked for; 0: as configured */
    bool unsettled;         /* running, although hosts or the number of workers should change */
    sim_time watched_since; /* since then it has been awake and the ranks have had their plan */
    const char *failure;
    int64_t open_checkpoints;
    int64_t doubt_generation, doubt_step; /* snapshots up to that generation, after that step */
} sim_view;
sim_view sim_coordinator_view(const sim_world *w);
/* Returns how long the coordinator may take to reach RUN, DONE or FAILED once no more faults happen: the sum of its own timeouts, and
 * some more. */
sim_time sim_coordinator_patience(void);

/* The run's configuration. */
const rt_config *sim_coordinator_config(const sim_world *w);

#endif
