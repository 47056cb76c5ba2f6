/* The settings of a simulated run: a pure function of its seed.
 *
 *     sim_scenario s = sim_scenario_of(17, SIM_MIXED);
 *     sim_scenario_print(&s, stderr);
 */
#ifndef RINGTORCH_TESTS_SIM_SCENARIO_H
#define RINGTORCH_TESTS_SIM_SCENARIO_H

#include "tests/sim/faults.h"
#include <stdio.h>

enum { SIM_HOSTS_MOST = 256 };
enum { SIM_NAN_STOP, SIM_NAN_SKIP, SIM_NAN_RESTART };

typedef enum sim_size {
    SIM_MIXED, /* mostly 1 to 16 workers, now and then up to 128 */
    SIM_LARGE, /* 1,000 or 10,000 workers */
} sim_size;

typedef struct sim_scenario {
    uint64_t seed;
    int64_t workers, hosts, slots; /* slots: of each host */
    int64_t slices, blocks;        /* blocks: of RT_BLOCK elements in the model */
    int64_t steps, report_every, checkpoint_every, keep, snapshot_every, hash_every;
    int64_t evaluate_every, patience;
    bool best_is_most; /* checkpoint.best names a metric of which more is better, else the loss */
    int64_t max_restarts;
    bool stall_restart; /* run.stall_action */
    int64_t nan_loss;   /* run.nan_loss, SIM_NAN_... */
    int64_t bad_step;   /* a step that is not finite, whichever rank computes it; -1: none */
    int64_t crash_step; /* a step with a slice that kills the rank that computes it; -1: none */
    sim_time step_time; /* a usual step */
    sim_time disk_time; /* a usual piece */
    sim_time boot_time; /* from exec to HELLO */
    /* Faults. */
    int64_t faults;   /* at most this many */
    sim_time quiet;   /* mean time between two */
    double burst;     /* chance that the next one comes within a second */
    uint32_t allowed; /* kinds, a bit each (1 << SIM_KILL_RANK) */
} sim_scenario;

sim_scenario sim_scenario_of(uint64_t seed, sim_size size);
/* Prints one line. */
void sim_scenario_print(const sim_scenario *s, FILE *to);

#endif
