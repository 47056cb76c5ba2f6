/* The rank process: environment, log, threads, and one session.
 *
 *     return rt__rank_main();      // all that `ringtorch-worker` without arguments does
 *
 * It is started by mpirun and reads RINGTORCH_ENDPOINT, RINGTORCH_KEYS, RINGTORCH_RUN, RINGTORCH_GENERATION and
 * RINGTORCH_RUN_DIR, which the launcher sets, and the resolved config.yaml in the run directory. It has three threads:
 * this one computes, a second is the only one that calls MPI, a third the only one that talks to the coordinator. */
#ifndef RINGTORCH_WORKER_RANK_H
#define RINGTORCH_WORKER_RANK_H

/* Returns the exit code: 0 done, 1 failed, 2 wrong configuration, data or use. */
int rt__rank_main(void);

#endif
