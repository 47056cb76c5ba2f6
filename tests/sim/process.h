/* A process: it runs on a host, and can be killed or stopped.
 *
 *     sim_process_start(&p, host);                    // alive, with a new `life`
 *     p.frozen_until = now + 4 * SIM_SECOND;          // SIGSTOP, and SIGCONT in 4 s
 *     p.alive = false;                                // its planned events do not happen
 */
#ifndef RINGTORCH_TESTS_SIM_PROCESS_H
#define RINGTORCH_TESTS_SIM_PROCESS_H

#include "tests/sim/dice.h"

typedef struct sim_process {
    bool alive;
    uint32_t life; /* 1 for the first process in this place, 2 for the next, ... */
    int host;
    sim_time frozen_until;
} sim_process;

static inline void sim_process_start(sim_process *p, int host)
{
    *p = (sim_process){.alive = true, .life = p->life + 1, .host = host};
}

#endif
