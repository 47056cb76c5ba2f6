/* How a rank of somebody's own mpirun or srun becomes a worker. Our launcher, which is the parent of rank 0 only, cannot give the others
 * an environment as it gives one to workers that it starts. So MPI starts first, and rank 0 tells the others what is in its own.
 *
 *     rt__join_order order;
 *     if (rt__join_wanted()) {                        // RINGTORCH_JOIN is set
 *         ... start the communication thread, and with it MPI ...
 *         status = rt__join(comm, rt__join_patience(), &order);
 *         if (order.leave)
 *             ... end MPI; there will be no run ...
 *         RT_TRY(status);                             // the environment is now as in a worker that our launcher has started
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
    bool leave; /* there will be no run: rank 0's launcher has said why, or its worker does */
} rt__join_order;

bool rt__join_wanted(void);

/* Returns how many seconds this rank waits for others: at rank 0 less than the coordinator, which could not tell who is missing; at the
 * others until their launcher must have begun. */
double rt__join_patience(void);
/* Waits until all ranks have started MPI, then sets the variables that rank 0 has, with RINGTORCH_ENDPOINT as this rank reaches it. Fails
 * with MISMATCH if MPI has made this process a job of its own, which happens with the mpirun of another MPI; with PROTOCOL if what rank 0
 * sends makes no sense; with TIMEOUT, naming the ranks that have not come, after so many seconds: MPI cannot be ended any more then. When
 * all have come, they have as long again to answer. Rank 0 fails with NET, and all ranks are to leave, if one of them does not reach the coordinator. */
rt_status rt__join(rt__commthread *comm, double patience, rt__join_order *out);
/* The last part of rt__join: finds the coordinator, for at most so many seconds. On one host all ranks reach it. */
rt_status rt__join_reach(rt__commthread *comm, rt__join_order *o, double seconds);

#endif
