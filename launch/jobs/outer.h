/* Ranks that somebody's mpirun or srun has started are workers, too: each of its tasks is `ringtorch train`, which becomes a worker
 * (rank 1 and above) or starts one as its child (rank 0) and supervises the run. backend_outer.c is the job back end for it; what else
 * these tasks must do is here. worker/join.h is the other end.
 *
 *     if (further_task)
 *         RT_TRY(rt__outer_become_worker(worker, dir));  // returns only if it fails
 *     ... rank 0 refuses the configuration ...
 *     rt__outer_send_home(worker);                       // the others wait for orders
 */
#ifndef RINGTORCH_LAUNCH_JOBS_OUTER_H
#define RINGTORCH_LAUNCH_JOBS_OUTER_H

#include "launch/jobs/environment.h"
#include "launch/jobs/own_address.h"
#include <ringtorch/status.h>
#include <stdbool.h>
#include <sys/types.h>

/* Replaces this program by a worker that waits for the orders of rank 0. Returns only on failure. `run_dir`, where the run will be, may be
 * NULL: then the worker cannot say there that it has come. */
rt_status rt__outer_become_worker(const char *worker, const char *run_dir);

/* Starts a worker that joins MPI in our place, with `e` and what mpirun has told us in its environment. how: "work" or "leave"
 * (worker/join.h). `out` becomes its standard output and error; -1: ours. */
rt_status rt__outer_start_worker(const char *worker, const char *how, rt__environment *e, int out,
                                 pid_t *pid);

/* Removes the notes that ranks of an earlier job have left in the run directory (worker/arrivals.h). Ranks of this one write theirs again. */
void rt__outer_remove_notes(const char *run_dir);

/* Lets the other ranks leave, if the run has not begun: joins MPI with a worker that tells them so, and waits for its end. */
void rt__outer_send_home(const char *worker);

/* Are some of the ranks on other hosts? */
bool rt__outer_is_on_several_hosts(void);
/* Lists the IPv4 addresses of this host: the coordinator listens at all of them, and each rank takes one at which it answers
 * (worker/reach.h). Fails with UNSUPPORTED, naming control.bind, if there is none but loopback. */
rt_status rt__outer_find_addresses(char text[RT_ADDRESSES]);

#endif
