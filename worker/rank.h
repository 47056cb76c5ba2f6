/* The rank process: environment, log, threads, and one session.
 *
 *     return rt__rank_main();      // all that `ringtorch-worker` without arguments does
 *
 * It is started by mpirun and reads RINGTORCH_ENDPOINT, RINGTORCH_KEYS, RINGTORCH_RUN, RINGTORCH_GENERATION and
 * RINGTORCH_RUN_DIR, which the launcher sets, and the resolved config.yaml in the run directory. A rank of somebody's own mpirun is told by
 * RINGTORCH_JOIN to fetch them from rank 0 (join.h); for that it reads RINGTORCH_JOIN_DIR, the run directory as far as it is known before,
 * and RINGTORCH_ADDRESSES, at which the coordinator listens. It has three threads:
 * this one computes, a second is the only one that calls MPI, a third the only one that talks to the coordinator. */
#ifndef RINGTORCH_WORKER_RANK_H
#define RINGTORCH_WORKER_RANK_H

/* Returns the exit code: 0 done, 1 failed, 2 wrong configuration, data or use. */
int rt__rank_main(void);

#endif
