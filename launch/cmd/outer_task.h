/* `ringtorch train` as one of several tasks that mpirun or srun has started.
 *
 *     switch (rt__outer_task(argc, argv, &options)) {
 *     case RT__OUTER_ALONE: ... a run of its own
 *     case RT__OUTER_FIRST: ... the run, with all tasks as its workers: options.workers says how many
 *     case RT__OUTER_FURTHER: ... one of these workers (rt__outer_become_worker)
 *     case RT__OUTER_REFUSED: ... why has been printed
 *     }
 */
#ifndef RINGTORCH_LAUNCH_CMD_OUTER_TASK_H
#define RINGTORCH_LAUNCH_CMD_OUTER_TASK_H

#include "common/config/config.h"
#include "common/control/bind_address.h"
#include "launch/cmd/options.h"

typedef enum rt__outer_role {
    RT__OUTER_ALONE,
    RT__OUTER_FIRST,
    RT__OUTER_FURTHER,
    RT__OUTER_REFUSED
} rt__outer_role;

/* Finds out which task this is. Prints why, once for all of them, if they cannot become the workers of one run. */
rt__outer_role rt__outer_task(int argc, char **argv, rt__train_options *o);
/* Checks what only the configuration tells. Lists where the coordinator has to listen, "10.0.0.1,172.17.0.1", if some of the ranks are on
 * other hosts and control.bind leaves open at which address to listen; else `addresses` becomes "". */
rt_status rt__outer_task_check(const rt_config *cfg, char addresses[RT_ADDRESSES]);
/* Says what a job inside another one is, and what a fault costs. */
void rt__outer_task_explain(void);

#endif
