/* A process: it lives on a host, can be killed and can be stopped.
 *
 *     sim_process_start(&p, host);                    // alive, and not the one that was there before
 *     p.frozen_until = now + 4 * SIM_SECOND;          // SIGSTOP, and SIGCONT in 4 s
 *     p.alive = false;                                // what it had planned does not happen
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
