/* How a rank of somebody's own mpirun or srun becomes a worker. Our launcher, which is the parent of rank 0 only, cannot give the others
 * an environment as it gives one to workers that it starts. So MPI starts first, and rank 0 tells the others what is in its own.
 *
 *     rt__join_order order;
 *     if (rt__join_wanted()) {                        // RINGTORCH_JOIN is set
 *         ... start the communication thread, and with it MPI ...
 *         RT_TRY(rt__join(comm, &order));             // the environment is now as in a worker that our launcher has started
 *         if (order.leave)
 *             return 0;                               // there will be no run
 *     }
 *
 * The values of RINGTORCH_JOIN: "leave" at rank 0 if the launcher has refused to begin, else "work". Nothing secret is on a command line:
 * the keys go from rank 0 to the others over MPI, as they go over mpirun's own connections when our launcher starts the workers. */
#ifndef RINGTORCH_WORKER_JOIN_H
#define RINGTORCH_WORKER_JOIN_H

#include "worker/commthread.h"
#include "worker/rank_numbers.h"

typedef struct rt__join_order {
    rt__rank_numbers numbers; /* as MPI says */
    bool leave;               /* rank 0's launcher has refused to begin, and has said why */
} rt__join_order;

bool rt__join_wanted(void);

/* Waits until all ranks have started MPI, then sets the variables that rank 0 has. Fails with MISMATCH if MPI has made this process a job
 * of its own, which happens with the mpirun of another MPI; with PROTOCOL if what rank 0 sends makes no sense. */
rt_status rt__join(rt__commthread *comm, rt__join_order *out);

#endif
